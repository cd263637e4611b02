/**
 * Which bytes an answer of success carries. A 200 is the whole object, even where a range was asked
 * for (RFC 9110, 14.2: a server may ignore Range). A 206 must tell a run that begins where it was
 * asked to; anything that contradicts itself or the question is refused before a byte is used.
 */

import { DarnerError, type ErrorCode } from "#base/mod.ts";
import type { HttpReply } from "#platform/http-client/client.ts";
import type { OriginRequest } from "./origin.ts";

export interface Extent {
  readonly start: number;
  /** How many bytes the body must have, where the origin tells. */
  readonly bodyBytes: number | undefined;
  /** How many of them answer the question: fewer than asked for means the rest must be asked again. */
  readonly wantedBytes: number | undefined;
  /** Of the whole object. */
  readonly lengthBytes: number | undefined;
}

/** `name` is what messages call the object. Throws `origin.protocol`, `origin.body-long`. */
export function extentOf(reply: HttpReply, range: OriginRequest["range"], name: string): Extent {
  const announced = announcedBytes(reply);
  if (reply.status !== 206) {
    return { start: 0, bodyBytes: announced, wantedBytes: announced, lengthBytes: announced };
  }
  if (range === undefined) throw contradiction(name, "it sent a part (206) where the whole was asked for");

  const told = reply.headers["content-range"];
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(told ?? "");
  if (match === null)
    throw contradiction(name, `its 206 has ${told === undefined ? "no" : "an unreadable"} Content-Range`);
  const start = Number(match[1]);
  const end = Number(match[2]) + 1;
  const lengthBytes = match[3] === "*" ? undefined : Number(match[3]);
  const shown = `bytes ${start}-${end - 1}/${lengthBytes ?? "*"}`;

  if (start !== range.start) throw contradiction(name, `it sent ${shown} where byte ${range.start} was asked for`);
  if (end <= start || (lengthBytes !== undefined && end > lengthBytes)) {
    throw contradiction(name, `its Content-Range ${shown} is impossible`);
  }
  if (range.end !== undefined && end > range.end) {
    throw refusal("origin.body-long", name, `it sent ${shown} where the range ends before byte ${range.end}`);
  }
  if (announced !== undefined && announced !== end - start) {
    throw contradiction(name, `its Content-Length ${announced} and Content-Range ${shown} differ`);
  }
  const endWanted = Math.min(range.end ?? Infinity, lengthBytes ?? Infinity);
  return {
    start,
    bodyBytes: end - start,
    wantedBytes: endWanted === Infinity ? undefined : endWanted - start,
    lengthBytes,
  };
}

function announcedBytes(reply: HttpReply): number | undefined {
  const told = reply.headers["content-length"];
  return told === undefined ? undefined : Number(told);
}

function contradiction(name: string, what: string): DarnerError {
  return refusal("origin.protocol", name, what);
}

function refusal(code: ErrorCode, name: string, what: string): DarnerError {
  return new DarnerError(code, `cannot fetch ${name}: ${what}; fetch it without a range, or repair the server`);
}
