/**
 * The Range field as an engine sends it (RFC 9110, 14). One range is honoured; several, and what
 * cannot be read, are answered with the whole, as a server may.
 */

export type RangeWish =
  | { readonly kind: "whole" }
  /** `end` is the byte after the last; absent: to the object's end. */
  | { readonly kind: "part"; readonly start: number; readonly end?: number }
  /** The last `count` bytes. */
  | { readonly kind: "tail"; readonly count: number };

export interface Span {
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
}

export function readRange(field: string | undefined): RangeWish {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec((field ?? "").trim());
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") return { kind: "tail", count: Number(last) };
  const start = Number(first);
  if (last === "") return { kind: "part", start };
  return Number(last) < start ? { kind: "whole" } : { kind: "part", start, end: Number(last) + 1 };
}

/** The bytes that are meant of an object so long; undefined when the range lies outside of it. */
export function spanWithin(wish: RangeWish, lengthBytes: number): Span | undefined {
  if (wish.kind === "whole") return { start: 0, end: lengthBytes };
  if (wish.kind === "tail") {
    return wish.count === 0 || lengthBytes === 0
      ? undefined
      : { start: Math.max(0, lengthBytes - wish.count), end: lengthBytes };
  }
  return wish.start >= lengthBytes
    ? undefined
    : { start: wish.start, end: Math.min(wish.end ?? lengthBytes, lengthBytes) };
}
