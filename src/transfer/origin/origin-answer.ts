/** What an answer of the origin means to a fetch: pure questions about answers, windows and what is stored. */

import { DarnerError } from "#base/mod.ts";
import type { OriginAnswer } from "#origins/mod.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";

export type BodyAnswer = Extract<OriginAnswer, { kind: "body" }>;

/** Pieces of an earlier run can be joined to what comes now: one version, of a known length, with its facts. */
export function isResumable(store: PieceFile): boolean {
  if (store.object?.notes?.["facts"] === undefined) return false;
  return store.object.validator !== undefined && store.lengthBytes !== undefined && store.have.count > 0;
}

/** For messages: a query may be a signature. */
export function shown(url: string): string {
  return url.split(/[?#]/, 1)[0]!;
}

export function expectBody(answer: OriginAnswer, url: string): BodyAnswer {
  if (answer.kind === "body") return answer;
  throw new DarnerError(
    "origin.protocol",
    `cannot get ${shown(url)}: the origin answered "not modified" to an unconditional request`,
  );
}

/** Length of the part that the window shows, or undefined when the object's length is unknown. */
export function windowLength(
  lengthBytes: number | undefined,
  window: { readonly start: number; readonly end?: number } | undefined,
): number | undefined {
  if (window === undefined || lengthBytes === undefined) return lengthBytes;
  return Math.max(0, Math.min(window.end ?? lengthBytes, lengthBytes) - window.start);
}
