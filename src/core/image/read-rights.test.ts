/** Who may read what: proved by the registry for one credential and repository, inherited by what is named. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { credentialEndsMs, ReadRights, rightMsMax, type ImageManifest, type Reader } from "./mod.ts";

const sha = (char: string): string => `sha256:${char.repeat(64)}`;
const [index, manifest, config, layer, foreign] = ["0", "1", "2", "3", "4"].map(sha) as [
  string,
  string,
  string,
  string,
  string,
];
const descriptor = (digest: string) => ({ mediaType: "x/y", digest, sizeBytes: 1 });
const image: ImageManifest = { kind: "image", mediaType: "x", config: descriptor(config), layers: [descriptor(layer)] };
const anna: Reader = { base: "https://reg.test", repository: "team/app", credential: "anna" };

function rights(): ReadRights {
  const made = new ReadRights();
  made.learn(index, { kind: "index", mediaType: "x", manifests: [descriptor(manifest)] });
  made.learn(manifest, image);
  made.prove(anna, index, 0);
  return made;
}

test("what a proved manifest names may be read, through an index too, and nothing else", () => {
  for (const digest of [index, manifest, config, layer]) assert.ok(rights().mayRead(anna, digest, 1), digest);
  assert.ok(!rights().mayRead(anna, foreign, 1));
});

test("what may be read and has not been is named, so that somebody reads it", () => {
  const made = new ReadRights();
  made.prove(anna, index, 0);
  assert.deepEqual(made.unread(anna, 1), [index]);
  made.learn(index, { kind: "index", mediaType: "x", manifests: [descriptor(manifest)] });
  assert.deepEqual(made.unread(anna, 1), [manifest]);
  made.learn(manifest, image);
  assert.deepEqual(made.unread(anna, 1), []);
  assert.deepEqual(made.unread({ ...anna, credential: "" }, 1), []);
});

test("another credential, repository or registry has no part in it", () => {
  const others: Reader[] = [
    { ...anna, credential: "bert" },
    { ...anna, credential: "" },
    { ...anna, repository: "team/other" },
    { ...anna, base: "https://else.test" },
  ];
  for (const other of others) assert.ok(!rights().mayRead(other, layer, 1), JSON.stringify(other));
});

test("it ends after five minutes, counted from the first proof, or with the credential", () => {
  const made = rights();
  assert.ok(made.mayRead(anna, layer, rightMsMax - 1));
  made.prove(anna, manifest, rightMsMax - 1);
  assert.ok(!made.mayRead(anna, layer, rightMsMax));
  const short = rights();
  const bert = { ...anna, credential: "bert" };
  short.prove(bert, index, 0, 1000);
  assert.ok(short.mayRead(bert, layer, 999));
  assert.ok(!short.mayRead(bert, layer, 1000));
});

test("manifests that name each other in a circle end the search", () => {
  const made = new ReadRights();
  made.learn(index, { kind: "index", mediaType: "x", manifests: [descriptor(manifest)] });
  made.learn(manifest, { kind: "index", mediaType: "x", manifests: [descriptor(index)] });
  made.prove(anna, index, 0);
  assert.ok(!made.mayRead(anna, layer, 1));
});

test("ten thousand credentials later the first is forgotten", () => {
  const made = rights();
  for (let count = 0; count < 10_000; count++) made.prove({ ...anna, credential: `c${count}` }, index, 0);
  assert.ok(!made.mayRead(anna, layer, 1));
  assert.ok(made.mayRead({ ...anna, credential: "c9999" }, layer, 1));
});

test("a token that says when it ends is believed, any other has no end of its own", () => {
  const token = (claims: unknown): string => `Bearer e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.c2ln`;
  assert.equal(credentialEndsMs(token({ exp: 12 })), 12_000);
  for (const text of ["Basic YTpi", "Bearer x", "Bearer a.%%.c", token({ exp: "soon" }), token(null)])
    assert.equal(credentialEndsMs(text), Infinity, text);
  assert.equal(credentialEndsMs(undefined), Infinity);
});
