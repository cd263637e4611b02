/**
 * What a host writes down of an object that its manager tells of: the same facts that an answer of
 * the origin would give, so that whoever goes on alone, from the origin, can use what is there.
 */

import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { ManifestHead } from "#core/protocol/mod.ts";
import type { ObjectRecord } from "#storage/pieces/mod.ts";

export function objectRecordOf(head: ManifestHead): ObjectRecord {
  const { url, generation, pieceBytes, lengthBytes, validator, seal } = head;
  return {
    kind: "object",
    url,
    generation,
    pieceBytes,
    ...(lengthBytes === undefined ? {} : { lengthBytes }),
    ...(validator === undefined ? {} : { validator }),
    ...(seal === undefined ? {} : { seal }),
    notes: { facts: factsOf(head) },
  };
}

/** The origin's answer as the manager passed it on. It is no fresh answer, so it has no time. */
function factsOf({ url, validator, contentType, lastModified }: ManifestHead): ResponseFacts {
  const headers: Record<string, string> = {};
  if (contentType !== undefined) headers["content-type"] = contentType;
  if (lastModified !== undefined) headers["last-modified"] = lastModified;
  if (validator?.startsWith('"') === true) headers["etag"] = validator;
  return { status: 200, url, headers, requestedAtMs: 0, answeredAtMs: 0 };
}

/** What the object's origin said of it, when the store has begun one. */
export function lastModifiedOf(object: ObjectRecord | undefined): string | undefined {
  return (object?.notes?.["facts"] as ResponseFacts | undefined)?.headers["last-modified"];
}

export function theManagerHasIt(localBytes: number): string {
  return `the manager has the object${localBytes > 0 ? `; ${localBytes} bytes are here from before` : ""}`;
}
