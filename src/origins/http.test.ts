/** What a well-behaved origin gives: whole objects, ranges, revalidation, redirects, and what each request says. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf } from "../../test/origin/mod.ts";
import { fetchAll, noSignal, openBody, originForFile, readAll, visitor } from "../../test/origin/visit.ts";

const origin = await originForFile();
const visit = visitor();
const big = { body: { sizeBytes: 3_000_001, seed: 7 } };
const bigBytes = contentOf(big).read(0, 3_000_001);
const small = { body: Buffer.from("twenty bytes of text") };

test("a plain GET brings the whole object, its length and its validators", async () => {
  origin.serve("/whole", { ...big, lastModified: "Sat, 21 Nov 2026 10:00:00 GMT" });
  const answer = await openBody(visit, { url: origin.url("/whole?key=1#part") });
  assert.equal(answer.start, 0);
  assert.equal(answer.lengthBytes, 3_000_001);
  assert.equal(answer.facts.status, 200);
  assert.equal(answer.facts.url, origin.url("/whole?key=1"));
  assert.equal(answer.facts.headers["last-modified"], "Sat, 21 Nov 2026 10:00:00 GMT");
  assert.match(answer.facts.headers["etag"] ?? "", /^"/);
  assert.ok(answer.facts.answeredAtMs >= answer.facts.requestedAtMs);
  assert.ok((await readAll(answer)).equals(bigBytes));
});

test("identity is asked for, and a body that comes encoded is passed on as it is", async () => {
  origin.serve("/encoded", { body: Buffer.from([0x1f, 0x8b, 1, 2, 3]), headers: { "content-encoding": "gzip" } });
  const bytes = await fetchAll(visit, { url: origin.url("/encoded"), headers: { "Accept-Encoding": "gzip, br" } });
  assert.deepEqual([...bytes], [0x1f, 0x8b, 1, 2, 3]);
  assert.equal(origin.requestsOf("/encoded")[0]?.headers["accept-encoding"], "identity");
});

test("a range brings just its bytes", async () => {
  origin.serve("/range", big);
  const request = { url: origin.url("/range"), range: { start: 1_000_003, end: 2_000_001 } };
  const answer = await openBody(visit, request);
  assert.equal(answer.start, 1_000_003);
  assert.equal(answer.lengthBytes, 3_000_001);
  assert.ok((await readAll(answer)).equals(bigBytes.subarray(1_000_003, 2_000_001)));
  assert.equal(origin.bodyBytes("/range"), 999_998);
});

test("a range to the end, and one that reaches beyond it, bring the rest", async () => {
  origin.serve("/tail", small);
  const open = await fetchAll(visit, { url: origin.url("/tail"), range: { start: 7 } });
  assert.equal(open.toString(), "bytes of text");
  const beyond = await fetchAll(visit, { url: origin.url("/tail"), range: { start: 16, end: 400 } });
  assert.equal(beyond.toString(), "text");
});

test("an origin that ignores Range gives the whole from byte 0", async () => {
  origin.serve("/ignores", { ...small, ranges: false });
  const answer = await openBody(visit, { url: origin.url("/ignores"), range: { start: 7, end: 12 } });
  assert.equal(answer.start, 0);
  assert.equal(answer.lengthBytes, 20);
  assert.equal((await readAll(answer)).length, 20);
});

test("If-Range gives the range of the same version, and the whole of a new one", async () => {
  origin.serve("/if-range", { ...small, etag: '"first"', changeAfterRequests: 1 });
  const request = { url: origin.url("/if-range"), range: { start: 7, end: 12 }, ifRange: '"first"' };
  const before = await openBody(visit, request);
  assert.equal(before.start, 7);
  assert.equal((await readAll(before)).toString(), "bytes");
  const behind = await openBody(visit, request);
  assert.equal(behind.start, 0);
  assert.notEqual(behind.facts.headers["etag"], '"first"');
  assert.equal((await readAll(behind)).length, 20);
});

test("an unchanged object is not sent again, by ETag or by date", async () => {
  const lastModified = "Sat, 21 Nov 2026 10:00:00 GMT";
  origin.serve("/unless", { ...small, etag: '"one"', lastModified });
  for (const unless of [{ etag: '"one"' }, { lastModified }]) {
    const answer = await visit.open({ url: origin.url("/unless"), unless }, noSignal);
    assert.equal(answer.kind, "not-modified");
    assert.equal(answer.facts.headers["etag"], '"one"');
  }
  assert.equal(origin.bodyBytes("/unless"), 0);
  const changed = await openBody(visit, { url: origin.url("/unless"), unless: { etag: '"other"' } });
  assert.equal((await readAll(changed)).length, 20);
});

test("without Content-Length, chunked or not, the whole comes and its length stays unknown", async () => {
  origin.serve("/chunked", { ...big, chunked: true });
  origin.serve("/to-the-end", { ...big, lengthHeader: "absent" });
  for (const path of ["/chunked", "/to-the-end"]) {
    const answer = await openBody(visit, { url: origin.url(path) });
    assert.equal(answer.lengthBytes, undefined);
    assert.ok((await readAll(answer)).equals(bigBytes));
  }
});

test("a chunked 206 is held to its Content-Range", async () => {
  origin.serve("/chunked-range", { ...small, chunked: true });
  const answer = await openBody(visit, { url: origin.url("/chunked-range"), range: { start: 7, end: 12 } });
  assert.equal(answer.lengthBytes, 20);
  assert.equal((await readAll(answer)).toString(), "bytes");
});

test("an object of zero bytes is an object", async () => {
  origin.serve("/empty", { body: new Uint8Array() });
  const answer = await openBody(visit, { url: origin.url("/empty") });
  assert.equal(answer.lengthBytes, 0);
  assert.equal((await readAll(answer)).length, 0);
});

test("connections are kept between requests", async () => {
  origin.serve("/kept", small);
  await fetchAll(visit, { url: origin.url("/kept") });
  const opened = origin.connectionsOpened;
  for (let turn = 0; turn < 5; turn++) await fetchAll(visit, { url: origin.url("/kept") });
  assert.equal(origin.connectionsOpened, opened);
});

test("headers go out as given, except those that are ours to say", async () => {
  origin.serve("/headers", small);
  const headers = { "X-Token": "abc", "Range": "bytes=3-4", "User-Agent": "me" };
  await fetchAll(visit, { url: origin.url("/headers"), headers });
  const seen = origin.requestsOf("/headers")[0]!.headers;
  assert.equal(seen["x-token"], "abc");
  assert.equal(seen["user-agent"], "me");
  assert.equal(seen.range, undefined);
});

test("user and password of a URL become Basic credentials and stay out of the facts", async () => {
  const value = `Basic ${Buffer.from("ann:s3cret!").toString("base64")}`;
  origin.serve("/basic", { ...small, needsHeader: { name: "authorization", value } });
  const url = origin.url("/basic").replace("http://", "http://ann:s3cret%21@");
  const answer = await openBody(visit, { url });
  assert.equal((await readAll(answer)).length, 20);
  assert.equal(answer.facts.url, origin.url("/basic"));
});

test("redirects are followed, relative ones too, with range and credentials at the same origin", async () => {
  origin.serve("/from", { redirectTo: "via?x=1", status: 301 });
  origin.serve("/via", { redirectTo: origin.url("/to"), status: 307 });
  origin.serve("/to", small);
  const request = { url: origin.url("/from"), headers: { Authorization: "Bearer t" }, range: { start: 7, end: 12 } };
  const answer = await openBody(visit, request);
  assert.equal((await readAll(answer)).toString(), "bytes");
  assert.equal(answer.facts.url, origin.url("/to"));
  assert.equal(origin.requestsOf("/to")[0]?.headers.authorization, "Bearer t");
});

test("credentials do not follow a redirect to another origin, and do not come back", async () => {
  const other = await originForFile();
  origin.serve("/away", { redirectTo: other.url("/there") });
  other.serve("/there", { redirectTo: origin.url("/home") });
  origin.serve("/home", small);
  const headers = { "Authorization": "Bearer t", "Cookie": "a=b", "X-Secret": "s", "Accept-Language": "yes" };
  await fetchAll(visit, { url: origin.url("/away"), headers });
  assert.equal(origin.requestsOf("/away")[0]?.headers.authorization, "Bearer t");
  for (const seen of [other.requestsOf("/there")[0]!.headers, origin.requestsOf("/home")[0]!.headers]) {
    assert.equal(seen.authorization, undefined);
    assert.equal(seen.cookie, undefined);
    assert.equal(seen["accept-language"], "yes");
  }
});

test("a slow reader pauses the origin", async () => {
  const sizeBytes = 64 * 1024 * 1024;
  origin.serve("/paused", { body: { sizeBytes, seed: 1 } });
  const answer = await openBody(visitor({ idleTimeoutMs: 700 }), { url: origin.url("/paused") });
  const chunks = answer.body[Symbol.asyncIterator]();
  await chunks.next();
  // Longer than the idle timer: a reader who takes a rest is not a stalled origin.
  await new Promise((resolve) => setTimeout(resolve, 900));
  const sentBytes = origin.bodyBytes("/paused");
  assert.ok(sentBytes < sizeBytes / 4, `the socket's buffers hold some MiB, not ${sentBytes} bytes`);
  assert.equal((await chunks.next()).done, false);
  answer.body.close();
});

test("leaving a body early drops its connection", async () => {
  origin.serve("/left", { body: { sizeBytes: 64 * 1024 * 1024, seed: 1 } });
  const answer = await openBody(visit, { url: origin.url("/left") });
  for await (const chunk of answer.body) {
    assert.ok(chunk.length > 0);
    break;
  }
  let sentBytes: number;
  do {
    sentBytes = origin.bodyBytes("/left");
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (origin.bodyBytes("/left") > sentBytes);
  assert.ok(sentBytes < 32 * 1024 * 1024, `the origin has stopped, after ${sentBytes} bytes`);
});
