/** The test origin itself: what it says about its objects holds, so that tests against it mean something. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { contentDigest, contentOf, seededContent } from "./mod.ts";
import { fetchAll, openBody, originForFile, readAll, visitor } from "./visit.ts";

const visit = visitor();

test("seeded content is the same wherever one begins to read, and differs by seed and by block", () => {
  const content = seededContent(3 * 1024 * 1024 + 5, 42);
  const whole = content.read(0, content.sizeBytes);
  assert.equal(whole.length, content.sizeBytes);
  for (const [start, end] of [
    [0, 1],
    [3, 9],
    [1_048_570, 1_048_590],
    [2_097_151, 3_145_733],
    [5, 5],
  ] as const) {
    assert.ok(content.read(start, end).equals(whole.subarray(start, end)), `bytes ${start} to ${end}`);
  }
  const block = (index: number) => whole.subarray(index * 1024 * 1024, (index + 1) * 1024 * 1024);
  assert.ok(!block(0).equals(block(1)) && !block(1).equals(block(2)));
  assert.ok(!seededContent(100, 43).read(0, 100).equals(whole.subarray(0, 100)));
  assert.equal(contentDigest(content, "sha256"), createHash("sha256").update(whole).digest("hex"));
});

test("an object that changes keeps running answers at their version and gives later ones the next", async () => {
  const origin = await originForFile();
  const script = { body: { sizeBytes: 300_000, seed: 5 }, changeAfterBytes: 100_000, changesMax: 1 };
  origin.serve("/moves", script);
  const first = await openBody(visit, { url: origin.url("/moves") });
  assert.ok((await readAll(first)).equals(contentOf(script, 1).read(0, 300_000)));
  for (let turn = 0; turn < 2; turn++) {
    const later = await openBody(visit, { url: origin.url("/moves") });
    assert.notEqual(later.facts.headers["etag"], first.facts.headers["etag"]);
    assert.ok((await readAll(later)).equals(contentOf(script, 2).read(0, 300_000)));
  }
});

test("digest headers tell the body's digest, or another one when asked to lie", async () => {
  const origin = await originForFile();
  const body = Buffer.from("hello");
  origin.serve("/true", { body, digests: ["digest", "repr-digest", "content-md5", "x-amz-checksum-sha256"] });
  origin.serve("/false", { body, digests: ["content-md5"], digestsWrong: true });
  const md5 = createHash("md5").update(body).digest("base64");
  const sha256 = createHash("sha256").update(body).digest("base64");
  const { headers } = (await openBody(visit, { url: origin.url("/true") })).facts;
  assert.equal(headers["digest"], `SHA-256=${sha256}`);
  assert.equal(headers["repr-digest"], `sha-256=:${sha256}:`);
  assert.equal(headers["content-md5"], md5);
  assert.equal(headers["x-amz-checksum-sha256"], sha256);
  const lie = await openBody(visit, { url: origin.url("/false") });
  assert.notEqual(lie.facts.headers["content-md5"], md5);
});

test("the server's rate is shared by all answers", async () => {
  const origin = await originForFile({ rateBytesPerSecond: 4_000_000 });
  origin.serve("/slow", { body: { sizeBytes: 600_000, seed: 1 } });
  const startedMs = performance.now();
  await Promise.all([1, 2].map(() => fetchAll(visit, { url: origin.url("/slow") })));
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs > 250, `1.2 MB at 4 MB/s take about 300 ms, not ${tookMs}`);
  assert.equal(origin.bodyBytes(), 1_200_000);
});

test("as a command it prints its URL, serves, tells its sums, and ends when told", async () => {
  const args = ["--listen", "127.0.0.1:0", "--object", "/data.bin=100kB:7", "--rate", "200Mbit"];
  const child = spawn(process.execPath, [`${import.meta.dirname}/main.ts`, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { url } = JSON.parse(line.toString()) as { url: string };
    const bytes = await fetchAll(visit, { url: `${url}/data.bin` });
    assert.ok(bytes.equals(seededContent(100_000, 7).read(0, 100_000)));
    const stats = JSON.parse((await fetchAll(visit, { url: `${url}/-/stats` })).toString()) as { bodyBytes: number };
    assert.equal(stats.bodyBytes, 100_000);
  } finally {
    child.kill("SIGTERM");
  }
  const [status] = (await once(child, "exit")) as [number | null];
  assert.equal(status, 0);
});
