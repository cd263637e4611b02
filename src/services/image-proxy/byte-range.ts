/**
 * The Range field as an engine sends it (RFC 9110, 14): one range, or several as podman wants them of
 * zstd:chunked layers. What cannot be read is answered with the whole, as a server may.
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

/** podman asks for 1024 at most. */
const rangesMax = 1024;

export function readRange(field: string | undefined): RangeWish {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec((field ?? "").trim());
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") return { kind: "tail", count: Number(last) };
  const start = Number(first);
  if (last === "") return { kind: "part", start };
  return Number(last) < start ? { kind: "whole" } : { kind: "part", start, end: Number(last) + 1 };
}

/** Several ranges of one request; undefined when it names one, none, or more than are honoured. */
export function readRanges(field: string | undefined): readonly RangeWish[] | undefined {
  const ranges = /^bytes=(.*)$/.exec((field ?? "").trim())?.[1]?.split(",") ?? [];
  if (ranges.length < 2 || ranges.length > rangesMax) return undefined;
  const wishes = ranges.map((range) => readRange(`bytes=${range.trim()}`));
  return wishes.every(({ kind }) => kind !== "whole") ? wishes : undefined;
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
