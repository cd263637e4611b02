/** A download of dfget that was stopped, however, goes on with all that its journal holds. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { decodeJournal } from "#storage/pieces/mod.ts";
import { type ObjectScript } from "../origin/mod.ts";
import type { Desk } from "./run-dfget.ts";
import { assertFailed, bytesOf, digestOf, MB, story, together, until } from "./dfget-scene.ts";

describe("an interrupted download", together, () => {
  /** 64 pieces, at a rate that leaves time to be killed. */
  const slow: ObjectScript = { body: { sizeBytes: 12 * MB, seed: 6 }, rateBytesPerSecond: 10 * MB };

  function journaledPieces(desk: Desk): number {
    const names = desk.names();
    if (!names.includes(".x.darner-journal")) return 0;
    const { records } = decodeJournal(desk.read(".x.darner-journal"));
    return records.reduce((sum, record) => sum + (record.kind === "pieces" ? record.pieces.length : 0), 0);
  }

  story("goes on after kill -9 at any moment, and fetches only what the journal lacks", async ({ desk, origin }) => {
    const pieceBytes = 131_072;
    for (const killAfterMs of [0, 60, 150, 300, 550, 800, 1100]) {
      origin.serve("/x", slow);
      let first = origin.requests.length;
      const sentBytes = (): number => origin.requests.slice(first).reduce((sum, request) => sum + request.bodyBytes, 0);
      const killed = await desk.dfget([origin.url("/x")], {
        meanwhile: async (child) => {
          await until("the first byte was sent", () => sentBytes() > 0);
          await delay(killAfterMs);
          child.kill("SIGKILL");
        },
      });
      if (killed.signal === null) assert.equal(killed.status, 0, killed.stderr);
      const pieces = desk.names().includes("x") ? Infinity : journaledPieces(desk);
      origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB });
      const flags = pieces === Infinity ? ["-nc"] : [];
      first = origin.requests.length;
      const resumed = await desk.dfget([...flags, "--digest", digestOf(slow), origin.url("/x")]);
      assert.equal(resumed.status, 0, resumed.stderr);
      assert.ok(desk.read("x").equals(bytesOf(slow)));
      const missing = Math.max(0, 12 * MB - pieces * pieceBytes);
      assert.ok(sentBytes() <= missing, `${sentBytes()} fetched, ${missing} were missing`);
      assert.deepEqual(desk.names(), ["x"]);
      fs.unlinkSync(desk.path("x"));
    }
  });

  story("by SIGINT ends with its own status and goes on later", async ({ desk, origin }) => {
    origin.serve("/x", slow);
    const stopped = await desk.dfget([origin.url("/x")], {
      meanwhile: async (child) => {
        await until("ten pieces have come", () => journaledPieces(desk) >= 10);
        child.kill("SIGINT");
      },
    });
    assertFailed(desk, stopped, "interrupted");
    const kept = journaledPieces(desk);
    assert.ok(kept >= 10);
    origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB });
    const resumed = await desk.dfget(["--json", origin.url("/x")]);
    const last = JSON.parse(resumed.stdout.toString().trimEnd().split("\n").at(-1)!) as { bytes: { local: number } };
    assert.ok(last.bytes.local >= 10 * 131_072);
    assert.ok(desk.read("x").equals(bytesOf(slow)));
  });

  story("starts again when the object has changed since, or another is wanted", async ({ desk, origin }) => {
    for (const next of ["changed", "other"]) {
      origin.serve("/x", { ...slow, closeAfterBytes: 4 * MB });
      assert.notEqual((await desk.dfget(["-t", "1", origin.url("/x")])).status, 0);
      // Two objects may have the same length and the same entity tag.
      const etag = next === "changed" ? { etag: '"changed"' } : {};
      const fresh: ObjectScript = { body: { sizeBytes: 12 * MB, seed: 7 }, ...etag };
      origin.serve("/x", fresh);
      origin.serve("/other", fresh);
      const resumed = await desk.dfget(["-O", "x", origin.url(next === "other" ? "/other" : "/x")]);
      assert.equal(resumed.status, 0, resumed.stderr);
      assert.ok(desk.read("x").equals(bytesOf(fresh)));
      fs.unlinkSync(desk.path("x"));
    }
  });

  story("with a journal or a part that was spoilt comes whole all the same", async ({ desk, origin }) => {
    for (const spoil of [
      () => fs.truncateSync(desk.path(".x.darner-part"), MB),
      () => fs.writeFileSync(desk.path(".x.darner-journal"), "no journal of ours"),
      () => fs.appendFileSync(desk.path(".x.darner-journal"), Buffer.alloc(30)),
    ]) {
      origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB, closeAfterBytes: 4 * MB });
      await desk.dfget(["-t", "1", origin.url("/x")]);
      spoil();
      origin.serve("/x", { ...slow, rateBytesPerSecond: 100 * MB });
      const resumed = await desk.dfget([origin.url("/x")]);
      assert.equal(resumed.status, 0, resumed.stderr);
      assert.ok(desk.read("x").equals(bytesOf(slow)));
      fs.unlinkSync(desk.path("x"));
    }
  });
});
