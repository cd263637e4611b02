/** The reach policy at an origin on loopback: by address, name, redirect and kept connection; too long, too slow. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { reachByDefault, type ReachPolicy } from "#core/reach/mod.ts";
import { fetchAll, openBody, originForFile, readAll, troubleOf, visitor } from "../../test/origin/visit.ts";

const origin = await originForFile();
let policy: ReachPolicy = reachByDefault;
const visit = visitor({}, () => policy);
const body = { sizeBytes: 200_000, seed: 9 };
const named = (path: string): string => origin.url(path).replace("127.0.0.1", "localhost");

function under(over: Partial<ReachPolicy>): void {
  policy = { ...reachByDefault, ...over };
}

test("from afar loopback is refused by address and by name, before a byte is sent; a caller on it gets the object", async () => {
  under({});
  origin.serve("/secret", { body });
  for (const url of [origin.url("/secret"), named("/secret"), origin.url("/secret").replace("127.0.0.1", "[::1]")]) {
    const trouble = await troubleOf(visit, { url, caller: "far" }, "reach.refused");
    assert.match(trouble.message, /loopback/);
    assert.equal(trouble.retry, "never");
  }
  assert.equal(origin.requestsOf("/secret").length, 0);
  const answer = await openBody(visit, { url: named("/secret"), caller: "near" });
  assert.equal(answer.facts.nearOnly, true, "and is marked as for callers on this machine alone");
  assert.equal((await readAll(answer)).length, body.sizeBytes);
});

test("a connection kept from a caller on loopback does not serve one from afar", async () => {
  under({});
  origin.serve("/kept", { body: Buffer.from("x") });
  await fetchAll(visit, { url: named("/kept"), caller: "near" });
  await troubleOf(visit, { url: named("/kept"), caller: "far" }, "reach.refused");
  assert.equal(origin.requestsOf("/kept").length, 1);
});

test("who says nothing of his caller is taken for one from afar", async () => {
  under({});
  await troubleOf(visit, { url: named("/secret") }, "reach.refused");
});

test("each redirect is judged anew", async () => {
  under({ hosts: ["localhost"], open: [] });
  origin.serve("/target", { body });
  origin.serve("/away", { redirectTo: origin.url("/target") });
  const away = await troubleOf(visit, { url: named("/away"), caller: "near" }, "reach.refused").catch((error) => error);
  assert.match(String(away.message), /host 127\.0\.0\.1 is not allowed/);
  assert.equal(origin.requestsOf("/target").length, 0);
});

test("schemes, ports and closed ranges are refused before a connection", async () => {
  origin.serve("/closed", { body });
  for (const over of [{ schemes: ["https"] as const }, { ports: [443] }, { hosts: ["files.example"] }]) {
    under(over);
    await troubleOf(visit, { url: origin.url("/closed"), caller: "near" }, "reach.refused");
  }
  under({ closed: [{ bytes: Uint8Array.of(127, 0, 0, 0), prefixBits: 8 }] });
  await troubleOf(visit, { url: named("/closed"), caller: "near" }, "reach.refused");
  assert.equal(origin.requestsOf("/closed").length, 0);
});

test("an object longer than allowed is refused at its head, or where it goes on beyond it", async () => {
  under({ objectBytesMax: 100_000 });
  origin.serve("/long", { body });
  origin.serve("/endless", { body, chunked: true });
  const told = await troubleOf(visit, { url: origin.url("/long"), caller: "near" }, "reach.refused");
  assert.match(told.message, /longer than the 100 kB allowed/);
  await troubleOf(visit, { url: origin.url("/endless"), caller: "near" }, "reach.refused");
  under({ objectBytesMax: body.sizeBytes });
  assert.equal((await fetchAll(visit, { url: origin.url("/long"), caller: "near" })).length, body.sizeBytes);
});

test("an answer that drips is cut when its time is over", async () => {
  under({ answerMsMax: 300 });
  origin.serve("/drip", { body, rateBytesPerSecond: 20_000 });
  const startedMs = performance.now();
  const trouble = await troubleOf(visit, { url: origin.url("/drip"), caller: "near" }, "network.timeout");
  assert.match(trouble.message, /reach policy/);
  assert.ok(performance.now() - startedMs < 3000);
});
