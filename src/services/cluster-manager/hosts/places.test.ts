/** Where a right may be proved: at places that gave the bytes themselves, never at one that only names their digest. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256, sha256Hex } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { Limiter } from "#transfer/mod.ts";
import { ScriptedOrigin } from "../../../../test/scripted-origin.ts";
import { Places } from "./places.ts";

const content = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 7) & 0xff);
const digest = `sha256:${sha256Hex(content)}`;
const here = `https://registry.corp/v2/team/app/blobs/${digest}`;
const ask = (url: string) => ({ url, headers: { authorization: "Bearer b" }, filterQuery: [], tag: "", digest });

async function world(served: (url: string) => Uint8Array) {
  const clock = new SimClock();
  const disk = new SimDisk();
  const files = { content: await disk.open("/content", "keep"), journal: await disk.open("/journal", "keep") };
  const store = await PieceFile.open({ ...files, boot: new Uint8Array(8) });
  await store.begin({ kind: "object", url: here, generation: "g", pieceBytes: 65_536, lengthBytes: content.length });
  await store.put(0, content, sha256(content));
  const origin = new ScriptedOrigin((request) => ({ content: served(request.url) }));
  const warned: unknown[] = [];
  const log: Log = { ...silentLog, warn: (event, facts) => void warned.push({ event, ...facts }) };
  const { signal } = new AbortController();
  const limiter = new Limiter(clock, Infinity);
  const places = new Places({ origin, limiter, log, signal, task: "t", onOriginBytes: () => undefined });
  places.add(store, here);
  return { store, origin, places, warned };
}

test("the place of the fetch counts, for every blob and manifest of its repository, without a byte", async () => {
  const { store, origin, places } = await world(() => content);
  await places.assertProved(store, ask(here), "far");
  await places.assertProved(store, ask(`https://registry.corp/v2/team/app/manifests/${digest}`), "far");
  assert.equal(origin.asked.length, 0);
});

test("another repository, authority or path counts once it has given the same bytes, asked once for a crowd", async () => {
  const { store, origin, places } = await world(() => content);
  const there = ask(`https://registry.corp/v2/team/base/blobs/${digest}`);
  await Promise.all(Array.from({ length: 5 }, () => places.assertProved(store, there, "far")));
  await places.assertProved(store, there, "far");
  assert.equal(origin.asked.length, 1);
  assert.equal(origin.asked[0]!.headers?.["authorization"], "Bearer b", "with the asker's own credential");
  await places.assertProved(store, ask("https://files.corp/app.tar"), "far");
  assert.equal(origin.asked.length, 2);
});

test("a place that names the digest and gives other bytes, fewer or endless ones, is refused every time", async () => {
  const bodies = [new Uint8Array(5_000), content.subarray(0, 4_999), new Uint8Array(50_000), new Uint8Array(0)];
  for (const body of bodies) {
    const { store, places, warned } = await world(() => body);
    const evil = ask(`https://evil.example/v2/team/app/blobs/${digest}`);
    for (let time = 0; time < 2; time++)
      await assert.rejects(places.assertProved(store, evil, "far"), { code: "origin.forbidden" });
    assert.equal(warned.length, 2);
    assert.match(JSON.stringify(warned[0]), /right\.refused.*evil\.example.*gave other bytes/);
  }
});
