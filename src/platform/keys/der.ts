/**
 * DER (ITU-T X.690, 10), written and never read: what a certificate is made of. Who reads one here is
 * OpenSSL.
 */

import { assert } from "#base/mod.ts";

type Parts = readonly Uint8Array[];

/** Tag, length, content. */
export function der(tag: number, ...content: Parts): Uint8Array {
  const bytes = Buffer.concat(content);
  return Buffer.concat([Uint8Array.of(tag), lengthOf(bytes.length), bytes]);
}

export const sequence = (...parts: Parts): Uint8Array => der(0x30, ...parts);
export const set = (...parts: Parts): Uint8Array => der(0x31, ...parts);
export const octets = (...parts: Parts): Uint8Array => der(0x04, ...parts);
export const utf8 = (text: string): Uint8Array => der(0x0c, Buffer.from(text, "utf8"));
export const yes = (): Uint8Array => der(0x01, Uint8Array.of(0xff));
/** `[number] EXPLICIT`. */
export const explicit = (number: number, ...parts: Parts): Uint8Array => der(0xa0 | number, ...parts);
/** `[number] IMPLICIT` of something that is not constructed. */
export const implicit = (number: number, bytes: Uint8Array): Uint8Array => der(0x80 | number, bytes);

/** Whole bytes, or fewer bits of the last one. */
export const bits = (bytes: Uint8Array, unused = 0): Uint8Array => der(0x03, Uint8Array.of(unused), bytes);

/** Not negative, big-endian; the shortest form. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const short = bytes.subarray(start);
  return der(0x02, Uint8Array.of(...((short[0] ?? 0) >= 0x80 ? [0] : [])), short);
}

/** `1.3.101.112`. */
export function oid(text: string): Uint8Array {
  const [first, second, ...rest] = text.split(".").map(Number);
  return der(0x06, Uint8Array.from([first! * 40 + second!, ...rest].flatMap(base128)));
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function time(wallMs: number): Uint8Array {
  const text = new Date(wallMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  const year = Number(text.slice(0, 4));
  assert(year >= 2000 && year <= 9999, "a certificate's time has four digits of a year");
  return year < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(128 + (rest % 128));
  return digits;
}

function lengthOf(count: number): Uint8Array {
  if (count < 0x80) return Uint8Array.of(count);
  assert(count < 0x10000, "what a certificate holds is short");
  return count < 0x100 ? Uint8Array.of(0x81, count) : Uint8Array.of(0x82, count >> 8, count & 0xff);
}
