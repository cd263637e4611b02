/**
 * The HTTP status that tells a failure to the other side. A refusal that knows better than the
 * family of its code (404, 409, 413) carries the fact `httpStatus`.
 */

import type { DarnerError, ErrorCode } from "#base/mod.ts";

const statusOfCode: Partial<Record<ErrorCode, number>> = {
  "usage": 400,
  "url.malformed": 400,
  "url.scheme": 400,
  "settings.unknown-key": 400,
  "settings.invalid": 400,
  "digest.malformed": 400,
  "output.exists": 409,
  "disk.full": 507,
  "network.timeout": 504,
  "origin.not-found": 404,
  "origin.gone": 410,
  "origin.range": 416,
  "origin.rate-limited": 503,
  "cluster.refused": 403,
  "cluster.protocol": 400,
  "cluster.unreachable": 503,
  "cluster.stalled": 504,
  "daemon.unreachable": 503,
  "trust.required": 403,
  "trust.credential": 401,
  "trust.right": 403,
  "trust.join": 401,
  "deadline": 504,
};

/** Whose failure it is when the table above does not tell: the far side's is 502, ours is 500. */
const farSide = ["network", "tls", "origin", "digest"];

export function httpStatusOf(error: DarnerError): number {
  const told = error.facts["httpStatus"];
  if (typeof told === "number" && told >= 400 && told <= 599) return told;
  return statusOfCode[error.code] ?? (farSide.includes(error.code.split(".", 1)[0]!) ? 502 : 500);
}
