/** Which digests a response tells of the whole object, and which only seem to. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { digestToText } from "#core/model/mod.ts";
import { toldDigests } from "./told-digests.ts";

const bytes = "the object";
const base64 = (algorithm: string): string => createHash(algorithm).update(bytes).digest("base64");
const text = (algorithm: string): string => `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;

const plainUrl = "https://origin.example/object";
function told(headers: Record<string, string>, status = 200, url = plainUrl, askedUrl?: string): string[] {
  const facts = { status, url, headers, requestedAtMs: 0, answeredAtMs: 0 };
  return toldDigests(facts, askedUrl).map(digestToText);
}

const sha256 = base64("sha256");
const structured = `sha-256=:${sha256}:`;

describe("fields that speak of the object", () => {
  const cases: readonly [headers: Record<string, string>, whole: readonly string[], part: readonly string[]][] = [
    // RFC 9530, 3: of the representation, also when only a part travels.
    [{ "repr-digest": structured }, [text("sha256")], [text("sha256")]],
    // RFC 9530, 2: of what travels.
    [{ "content-digest": structured }, [text("sha256")], []],
    [{ digest: `SHA-256=${sha256}` }, [text("sha256")], []],
    [{ "content-md5": base64("md5") }, [text("md5")], []],
    [{ "x-amz-checksum-sha256": sha256 }, [text("sha256")], []],
  ];
  for (const [headers, whole, part] of cases) {
    test(`${Object.keys(headers)[0]} on a 200 and on a 206`, () => {
      assert.deepEqual(told(headers), whole);
      assert.deepEqual(told(headers, 206), part);
    });
  }

  test("several algorithms, parameters, unknown ones and repeats", () => {
    const field = `sha-512=:${base64("sha512")}:;x=1, unixsum=:AAAA:, ${structured}, md5=:${base64("md5")}:`;
    assert.deepEqual(told({ "repr-digest": field, "digest": `sha-256=${sha256}` }), [
      text("sha512"),
      text("sha256"),
      text("md5"),
    ]);
  });

  test("other answers tell nothing", () => {
    assert.deepEqual(told({ "repr-digest": structured }, 404), []);
    assert.deepEqual(told({ "repr-digest": structured }, 304), []);
  });
});

describe("what only looks like a digest of the object", () => {
  const cases: readonly [what: string, headers: Record<string, string>][] = [
    ["the wrong length", { "repr-digest": "sha-256=:AAAA:" }],
    ["not base64", { "repr-digest": "sha-256=:????:" }],
    ["a dictionary that cannot be read as a whole (RFC 8941, 4.2)", { "repr-digest": `${structured}, sha-512=broken` }],
    ["an upload in parts", { "x-amz-checksum-sha256": `${sha256}-5` }],
    ["an upload in parts, by type", { "x-amz-checksum-sha256": sha256, "x-amz-checksum-type": "COMPOSITE" }],
    ["a digest of the object before coding", { digest: `id-sha-256=${sha256}` }],
    ["an unknown algorithm", { digest: "toString=AAAA" }],
  ];
  for (const [what, headers] of cases) test(what, () => assert.deepEqual(told(headers), []));
});

describe("with a content coding", () => {
  const coded = { "content-encoding": "gzip" };

  test("fields defined on coded bytes count (RFC 9530, 3; RFC 9110, 8.1)", () => {
    assert.deepEqual(told({ ...coded, "repr-digest": structured }), [text("sha256")]);
  });

  test("those of the bytes at rest do not: the coding may have come on the way", () => {
    assert.deepEqual(told({ ...coded, "x-amz-checksum-sha256": sha256 }), []);
    assert.deepEqual(told(coded, 200, `https://r.example/v2/a/blobs/${text("sha256")}`), []);
    assert.deepEqual(told({ "content-encoding": "identity", "x-amz-checksum-sha256": sha256 }), [text("sha256")]);
  });
});

describe("a registry's path", () => {
  test("names the digest of a blob or manifest", () => {
    for (const kind of ["blobs", "manifests"]) {
      const url = `https://r.example/v2/library/app/${kind}/${text("sha256")}`;
      assert.deepEqual(told({}, 200, url), [text("sha256")]);
      assert.deepEqual(told({}, 206, `${url.replace("sha256:", "sha256%3A")}?ns=docker.io`), [text("sha256")]);
      assert.deepEqual(told({}, 200, plainUrl, url), [text("sha256")], "before a redirect");
    }
  });

  test("but not a tag, a shortened digest, or one that is not the last part", () => {
    for (const path of [
      "manifests/latest",
      "blobs/sha256:abcd",
      `blobs/${text("sha256")}/x`,
      `tags/${text("sha256")}`,
    ]) {
      assert.deepEqual(told({}, 200, `https://r.example/v2/app/${path}`), [], path);
    }
  });
});
