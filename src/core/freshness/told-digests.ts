/**
 * Digests that a response tells of the whole object, as the bytes that travelled: after any content
 * coding, before any transfer coding. They are claims, to be proved once the bytes are there.
 *
 * Some fields speak of the bytes of this message; they count only on a 200, where those are the whole
 * object. Others speak of the bytes that the server has at rest; they count only when no content
 * coding came on top, since a server or a proxy may have applied it on the way.
 */

import type { Digest, DigestName } from "#core/model/mod.ts";
import { digestHexLength } from "#core/model/mod.ts";
import type { ResponseFacts } from "./facts.ts";

/** `askedUrl`: the URL before redirects, which is where a registry's blob has its name. */
export function toldDigests(facts: ResponseFacts, askedUrl: string = facts.url): Digest[] {
  const { headers, status } = facts;
  if (status !== 200 && status !== 206) return [];
  const whole = status === 200;
  const coded = !/^\s*(?:identity)?\s*$/i.test(headers["content-encoding"] ?? "");
  const told: (Digest | undefined)[] = [
    // The selected representation, whatever part of it travelled (RFC 9530, 3).
    ...dictionary(headers["repr-digest"]),
    ...(whole ? dictionary(headers["content-digest"]) : []),
    // RFC 3230 meant the whole instance, some servers the message: on a 200 both are the same.
    ...(whole ? instanceDigests(headers["digest"]) : []),
    // Of the entity body (RFC 1864); never trustworthy for parts (RFC 7231, appendix B).
    whole ? fromBase64("md5", headers["content-md5"]) : undefined,
    whole && !coded ? amazonChecksum(headers) : undefined,
    ...(coded ? [] : [namedByPath(askedUrl), namedByPath(facts.url)]),
  ];
  return distinct(told.filter((digest) => digest !== undefined));
}

const names: Readonly<Record<string, DigestName>> = { "sha-256": "sha256", "sha-512": "sha512", "md5": "md5" };

/** A dictionary of byte sequences (RFC 8941, 3.2); a member that cannot be read voids the field (4.2). */
function dictionary(field: string | undefined): (Digest | undefined)[] {
  const found = new Map<string, string>();
  for (const member of (field ?? "").split(",")) {
    if (member.trim() === "") continue;
    const match = /^\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*(?:;[^,]*)?$/.exec(member);
    if (match === null) return [];
    found.set(match[1]!, match[2]!);
  }
  return Array.from(found, ([name, value]) => known(name, value));
}

/** `SHA-256=base64,md5=base64` (RFC 3230, 4.3.2). Not the id-* forms: they leave the content coding out. */
function instanceDigests(field: string | undefined): (Digest | undefined)[] {
  return (field ?? "").split(",").map((member) => {
    const equals = member.indexOf("=");
    return equals < 0
      ? undefined
      : known(member.slice(0, equals).trim().toLowerCase(), member.slice(equals + 1).trim());
  });
}

function known(name: string, value: string): Digest | undefined {
  return Object.hasOwn(names, name) ? fromBase64(names[name]!, value) : undefined;
}

/** Of an object uploaded in parts it is a digest of digests, marked with -N or as COMPOSITE. */
function amazonChecksum(headers: Readonly<Record<string, string>>): Digest | undefined {
  if (headers["x-amz-checksum-type"]?.trim().toUpperCase() === "COMPOSITE") return undefined;
  return fromBase64("sha256", headers["x-amz-checksum-sha256"]);
}

/** `/v2/NAME/blobs/sha256:HEX` (OCI distribution, "Pulling blobs" and "Pulling manifests"). */
function namedByPath(url: string): Digest | undefined {
  const path = /^[^?#]*/.exec(url)![0];
  const match = /\/(?:blobs|manifests)\/(sha256|sha512)(?::|%3A)([0-9a-f]+)$/i.exec(path);
  if (match === null) return undefined;
  const algorithm: DigestName = match[1]!.toLowerCase() === "sha256" ? "sha256" : "sha512";
  return match[2]!.length === digestHexLength[algorithm] ? { algorithm, hex: match[2]!.toLowerCase() } : undefined;
}

/** Undefined when the text is not base64 of exactly the algorithm's length. */
function fromBase64(algorithm: DigestName, text: string | undefined): Digest | undefined {
  const trimmed = (text ?? "").trim();
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(trimmed)) return undefined;
  const hex = Array.from(atob(trimmed), (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return hex.length === digestHexLength[algorithm] ? { algorithm, hex } : undefined;
}

function distinct(digests: readonly Digest[]): Digest[] {
  return digests.filter(
    (digest, index) =>
      digests.findIndex((other) => other.algorithm === digest.algorithm && other.hex === digest.hex) === index,
  );
}
