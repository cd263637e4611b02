/** `--range A-B` as HTTP counts: from 0, the last byte included; `A-` goes to the end. */

import { DarnerError } from "#base/mod.ts";

export interface ByteRange {
  readonly start: number;
  /** The byte after the last one; absent: to the end. */
  readonly end?: number;
}

/** Throws `usage`. */
export function parseRange(text: string): ByteRange {
  const match = /^(\d{1,15})-(\d{1,15})?$/.exec(text.trim());
  const start = Number(match?.[1]);
  const last = match?.[2] === undefined ? undefined : Number(match[2]);
  if (match === null || (last !== undefined && last < start)) {
    throw new DarnerError(
      "usage",
      `cannot read the range "${text}": it should be FIRST-LAST or FIRST-, such as 0-1023`,
    );
  }
  return last === undefined ? { start } : { start, end: last + 1 };
}
