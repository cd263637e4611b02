/**
 * Every parser of ours for what comes from outside, with well-formed samples to spoil. A parser gives a
 * value or a DarnerError; anything else that it throws, and an answer that breaks its own promise, is a
 * fault.
 */

import assert from "node:assert/strict";
import {
  judge,
  refresh,
  strongValidator,
  toldDigests,
  versionsDiffer,
  type ResponseFacts,
} from "#core/freshness/mod.ts";
import {
  childrenOf,
  credentialEndsMs,
  parseImageReference,
  placeOf,
  readChallenges,
  readImageDigest,
  readManifest,
  readRegistryPath,
} from "#core/image/mod.ts";
import {
  canonicalUrl,
  clearLengthOf,
  parseClaims,
  parseDigest,
  readSealEpochs,
  readToken,
  sealSecretBytes,
  ticketFault,
} from "#core/model/mod.ts";
import { parseAddress, parseRange, readManagerFacts, readManagerList, readSiteRanges } from "#core/placement/mod.ts";
import {
  decodeIndices,
  decodeJson,
  encodeFrame,
  encodeIndices,
  encodeJsonFrame,
  FrameReader,
  frameType,
  readHostMessage,
  readManagerMessage,
} from "#core/protocol/mod.ts";
import { addressRefusal, reachByDefault, urlRefusal } from "#core/reach/mod.ts";
import { checkOf, decodeJournal, encodeRecord, firstCheck, type JournalRecord } from "#storage/pieces/mod.ts";
import { sha256, sha256Hex } from "#platform/keys/digest.ts";
import { cleanFacts } from "#platform/telemetry/log-facts.ts";
import { openPiece, sealKeyFrom, sealPiece } from "#platform/keys/sealing.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { bytesOfWhole, Manifest, Sealing, signTicket, taskIdOf, ticketRefusal, wholeMessage } from "#transfer/mod.ts";
import { mutatedBytes, mutatedText, type Chance } from "./mutation.ts";

export interface Parser {
  readonly name: string;
  /** Makes one input and parses it; returns what was parsed, for a report. */
  run(chance: Chance): unknown;
}

function ofText(name: string, samples: readonly string[], parse: (text: string) => void): Parser {
  return {
    name,
    run(chance) {
      const text = mutatedText(chance, samples);
      parse(text);
      return text;
    },
  };
}

function ofBytes(
  name: string,
  samples: readonly Uint8Array[],
  parse: (bytes: Uint8Array, chance: Chance) => void,
): Parser {
  return {
    name,
    run(chance) {
      const bytes = mutatedBytes(chance, samples);
      parse(bytes, chance);
      return bytes;
    },
  };
}

const key = newSigningKey();
const sealKey = sealKeyFrom(sha256(new Uint8Array(1)));
const hex = sha256Hex("x");
const sealPlace = { task: hex, index: 1, pieceBytes: 65_536, lengthBytes: 100_000 };
const sealedPiece = sealPiece(sealKey, sealPlace, Buffer.from("the clear bytes of a piece"));
const head = { task: hex, generation: "g", pieceBytes: 65_536, lengthBytes: 100_000, url: "http://h/a" };
const ask = {
  url: "https://h:8/a?b=c",
  headers: { accept: "*/*" },
  filterQuery: ["b"],
  tag: "",
  digest: `sha256:${hex}`,
};
const smallBytes = Buffer.from("a small object");
const wholeObject = wholeMessage(
  { ...head, lengthBytes: smallBytes.length },
  { lengthBytes: smallBytes.length, digests: [`sha256:${sha256Hex(smallBytes)}`] },
  smallBytes,
);
const texts = (...values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value));

const hostMessages = texts(
  {
    kind: "hello",
    version: "1.0",
    host: { id: hex, name: "n", site: "s", address: "10.0.0.1", port: 1, publicKey: "k" },
  },
  { kind: "ask", task: hex, ask, holds: { generation: "g", pieces: "AAAA" } },
  {
    kind: "report",
    task: hex,
    generation: "g",
    news: [1, 2],
    held: 3,
    downBytesPerSecond: 1,
    upBytesPerSecond: 0,
    starving: true,
    state: "seeding",
  },
  { kind: "accuse", task: hex, generation: "g", parent: "p", piece: 1 },
  { kind: "look", id: 1, look: { url: "http://h/", headers: {}, freshForMs: 0, right: { task: hex, digest: "d" } } },
);
const managerMessages = texts(
  { kind: "welcome", version: "1.0", manager: "m", hosts: 3, reportEveryMs: 500, publicKey: "k" },
  { kind: "head", head, ticket: "t" },
  { kind: "listed", task: hex, generation: "g", from: 0, indices: [0, 1], digests: "AAAA", signature: "s" },
  { kind: "ended", task: hex, generation: "g", lengthBytes: 9, digests: [`sha256:${hex}`], signature: "s" },
  {
    kind: "parents",
    task: hex,
    generation: "g",
    parents: [{ id: "p", address: "h", port: 1, seed: true }],
    ticket: "t",
  },
  { kind: "failed", task: hex, error: { code: "internal", message: "m", retry: { afterMs: 1 } } },
);
const frames = [
  encodeJsonFrame(frameType.message, 0, { kind: "pace", reportEveryMs: 1 }),
  encodeFrame(frameType.want, 1, 3, encodeIndices([1, 2, 3])),
  encodeFrame(frameType.have, 7, 0, encodeIndices([])),
];

const records: readonly JournalRecord[] = [
  {
    kind: "object",
    url: "http://h/a",
    generation: "g",
    pieceBytes: 65_536,
    lengthBytes: 100_000,
    notes: { facts: {} },
  },
  { kind: "pieces", mark: new Uint8Array(8), pieces: [{ index: 0, digest: sha256(new Uint8Array(1)) }] },
  { kind: "end", lengthBytes: 100_000, digests: [`sha256:${hex}`] },
  { kind: "lost", index: 0 },
];
const sealEpochs = [1, 2].map((number) => ({
  number,
  secret: Buffer.alloc(sealSecretBytes, number).toString("base64"),
}));
function journalOf(all: readonly JournalRecord[]): Uint8Array {
  let check = firstCheck;
  const parts = all.map((record) => {
    const encoded = encodeRecord(record, check);
    check = checkOf(encoded);
    return encoded;
  });
  return Buffer.concat(parts);
}
/** Records whose payloads are spoiled and whose checks are right. */
function resealed(journal: Uint8Array): Uint8Array {
  const bytes = Buffer.from(journal);
  let check: Uint8Array = firstCheck;
  for (let at = 0; at + 13 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at);
    if (end + 8 > bytes.length) break;
    check = sha256(Buffer.concat([check, bytes.subarray(at, end)])).subarray(0, 8);
    bytes.set(check, end);
    at = end + 8;
  }
  return bytes;
}

const answerHeaders = [
  'cache-control: public, max-age=60, s-maxage="10", no-cache="set-cookie"\netag: "v1"\nage: 3',
  "cache-control: no-store, private\nlast-modified: Sat, 21 Nov 2026 10:00:00 GMT\nvary: accept, *\nexpires: 0",
  'etag: W/"x"\ndigest: sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\ncontent-md5: 1B2M2Y8AsgTpgAmY7PhCfg==',
  `repr-digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\nx-amz-checksum-sha256: AAAA\ndate: Sunday, 06-Nov-94 08:49:37 GMT`,
];
function factsOf(text: string): ResponseFacts {
  const lines = text.split("\n").map((line) => line.split(/:\s*/, 2));
  const headers = Object.fromEntries(lines.map(([name, value]) => [(name ?? "").toLowerCase(), value ?? ""]));
  return { status: 200, url: `https://h/v2/a/blobs/sha256:${hex}`, headers, requestedAtMs: 1000, answeredAtMs: 1001 };
}

const [earlierFacts, laterFacts] = [factsOf(answerHeaders[0]!), factsOf(answerHeaders[1]!)];

const images = [
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${hex}`, size: 2 },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: `sha256:${hex}`, size: 9 }],
  }),
  JSON.stringify({
    schemaVersion: 2,
    manifests: [{ mediaType: "m", digest: `sha256:${hex}`, size: 1, platform: { os: "linux", architecture: "amd64" } }],
  }),
];
const ticket = signTicket(key, hex, "h", 1_000_000);
const urls = [
  "https://user:word@host.example:8443/a/b/../c?x=1&y=%zz#f",
  "http://[::1]:80/",
  "http://0x7f.1/",
  "https://bücher.example/ä",
];
const addresses = ["10.0.0.0/8", "::ffff:127.0.0.1", "fe80::1%eth0", "2002:7f00:1::/48", "64:ff9b::1.2.3.4"];

export const parsers: readonly Parser[] = [
  ofBytes("frames", frames, (bytes, chance) => {
    const reader = new FrameReader();
    const cut = chance.below(bytes.length + 1);
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      const read = reader.push(part);
      if (read === "oversized") return;
      for (const { payload } of read) assert.ok(decodeIndices(payload).length <= payload.length / 4);
    }
  }),
  ofText("messages of hosts", hostMessages, (text) => void readHostMessage(decodeJson(Buffer.from(text)))),
  ofText("messages of managers", managerMessages, (text) => void readManagerMessage(decodeJson(Buffer.from(text)))),
  ofBytes("journals", [journalOf(records)], (bytes) => {
    assert.ok(decodeJournal(bytes).validBytes <= bytes.length);
    decodeJournal(resealed(bytes));
  }),
  ofBytes("sealed pieces", [sealedPiece, new Uint8Array(28)], (bytes) => {
    const isWhole = Buffer.compare(bytes, sealedPiece) === 0;
    assert.equal(openPiece(sealKey, sealPlace, bytes) !== undefined, isWhole, "nothing but the piece opens");
  }),
  ofText(
    "heads of sealed objects",
    texts({ pieceBytes: 100, lengthBytes: 328, seal: { keyId: hex.slice(32), lengthBytes: 216 } }),
    (text) => {
      const told = { ...head, ...(decodeJson(Buffer.from(text)) as object) };
      const message = readManagerMessage({ kind: "head", head: told, sealSecret: text });
      if (typeof message === "string" || message.kind !== "head" || message.head.seal === undefined) return;
      const { seal, lengthBytes } = message.head;
      assert.equal(new Sealing(hex).take(message.sealSecret, seal), false, "no text is another key");
      const clearBytes = clearLengthOf(message.head) ?? 0;
      assert.ok(clearBytes >= 0 && clearBytes <= (lengthBytes ?? 0), "no object is longer than its sealed form");
    },
  ),
  ofText("small objects in one message", texts(wholeObject), (text) => {
    const message = readManagerMessage(decodeJson(Buffer.from(text)));
    if (typeof message === "string" || message.kind !== "whole") return;
    const bytes = bytesOfWhole(message, text.length % 16 === 0 ? key.publicKey : undefined);
    if (typeof bytes !== "string") assert.equal(bytes.length, message.lengthBytes, "it is as long as it says");
  }),
  ofText("tickets", [ticket], (text) => {
    const refusal = ticketRefusal(
      text,
      { task: hex, host: "h" },
      text.length % 64 === 0 ? [key.publicKey] : [],
      1_000_000,
    );
    assert.ok(refusal !== null || text.startsWith(ticket.slice(0, -4)), "nothing but the ticket admits");
  }),
  ofText("claims", texts({ task: hex, host: "h", expiresAtMs: 5 }), (text) => {
    const claims = parseClaims(text);
    if (claims !== null) ticketFault(claims, { task: hex, host: "h" }, 1);
  }),
  ofText(
    "lines of manifests",
    texts({ from: 0, indices: [0, 1], digests: Buffer.alloc(64).toString("base64") }),
    (text) => {
      const message = readManagerMessage({
        kind: "listed",
        task: "t",
        generation: "g",
        ...(decodeJson(Buffer.from(text)) as object),
      });
      if (typeof message === "object" && message.kind === "listed") new Manifest(head).list(message);
    },
  ),
  ofText("answers' headers", answerHeaders, (text) => {
    const facts = factsOf(text);
    const judgement = judge(facts, {});
    assert.ok(!Number.isNaN(judgement.freshUntilMs) && judgement.staleIfErrorUntilMs >= judgement.freshUntilMs);
    strongValidator(facts);
    versionsDiffer(facts, earlierFacts);
    refresh({ facts, judgement }, laterFacts, {});
    for (const { hex: digits } of toldDigests(facts)) assert.match(digits, /^[0-9a-f]+$/);
  }),
  ofText("digests", [`sha256:${hex}`, "md5:d41d8cd98f00b204e9800998ecf8427e"], (text) => void parseDigest(text)),
  ofText("URLs", urls, (text) => {
    canonicalUrl(text, ["x"]);
    const url = URL.parse(text);
    if (url !== null) urlRefusal(reachByDefault, url);
    placeOf(text);
  }),
  ofText("asks", texts(ask), (text) => {
    const message = readHostMessage({ kind: "ask", task: hex, ask: decodeJson(Buffer.from(text)) });
    if (typeof message === "object" && message.kind === "ask") taskIdOf(message.ask);
  }),
  ofText("addresses and ranges", addresses, (text) => {
    parseRange(text);
    const bytes = parseAddress(text);
    const refusal = addressRefusal(reachByDefault, text, "far");
    if (bytes?.[0] === 127 && bytes.length === 4) assert.notEqual(refusal, null, "no spelling of loopback passes");
  }),
  ofText("image manifests", images, (text) => {
    const manifest = readManifest(Buffer.from(text));
    if (manifest !== undefined) for (const { digest } of childrenOf(manifest)) assert.ok(readImageDigest(digest));
  }),
  ofText(
    "registry paths",
    [`/v2/team/app/blobs/sha256:${hex}`, "/v2/a/manifests/latest"],
    (text) => void readRegistryPath(text),
  ),
  ofText(
    "image references",
    ["docker.io/library/nginx:1.27", `r:5000/a/b@sha256:${hex}`],
    (text) => void parseImageReference(text),
  ),
  ofText(
    "challenges",
    ['Bearer realm="https://a/t",service="s",scope="repository:x:pull", Basic realm="b"'],
    (text) => {
      readChallenges(text);
      assert.ok(!Number.isNaN(credentialEndsMs(text)));
    },
  ),
  ofText("tokens", [`darner_api_${"A".repeat(32)}.${"B".repeat(43)}`], (text) => void readToken(text)),
  ofText(
    "managers of the config service",
    texts({ version: "1", managers: [{ id: hex.slice(0, 32), url: "http://h:1", site: "", load: 0 }] }),
    (text) => {
      readManagerList(decodeJson(Buffer.from(text)));
      readManagerFacts(hex.slice(0, 32), decodeJson(Buffer.from(text)), "10.0.0.1");
    },
  ),
  ofText(
    "seal epochs",
    [1, 2].map((last) => JSON.stringify(sealEpochs.slice(0, last))),
    (text) => {
      let known = 0;
      for (const { number, secret } of readSealEpochs(decodeJson(Buffer.from(text))) ?? []) {
        assert.ok(number > known, "numbers rise");
        assert.equal(Buffer.from(secret, "base64").length, sealSecretBytes);
        known = number;
      }
    },
  ),
  ofText(
    "sites",
    texts([{ site: "a", ranges: ["10.0.0.0/8"] }]),
    (text) => void readSiteRanges(decodeJson(Buffer.from(text))),
  ),
  ofText("facts of a log line", texts({ url: "http://u:p@h/a?token=s", authorization: "Bearer t" }), (text) => {
    const facts = decodeJson(Buffer.from(text));
    if (typeof facts === "object" && facts !== null) cleanFacts(facts as Record<string, unknown>);
  }),
];
