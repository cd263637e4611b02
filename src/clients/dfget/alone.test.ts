/** A download without a daemon that begins in files which an earlier run left. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { decodeJournal, PieceFile } from "#storage/pieces/mod.ts";
import { Limiter } from "#transfer/mod.ts";
import { ScriptedOrigin } from "../../../test/scripted-origin.ts";
import { downloadAlone } from "./alone.ts";
import type { Wanted } from "./wanted.ts";

const content = Uint8Array.from({ length: 400_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

test("another object's journal of an earlier boot leaves nothing in the new one", async () => {
  const disk = new SimDisk();
  const clock = new SimClock();
  const files = async () => ({
    content: await disk.open("/part", "keep"),
    journal: await disk.open("/journal", "keep"),
  });
  const earlier = await PieceFile.open({ ...(await files()), boot: new Uint8Array(8).fill(1) });
  const pieceBytes = 65_536;
  await earlier.begin({
    kind: "object",
    url: "http://origin/other",
    generation: "g",
    pieceBytes,
    lengthBytes: 200_000,
  });
  const bytes = new Uint8Array(pieceBytes).fill(5);
  await earlier.put(0, bytes, sha256(bytes));
  await earlier.close();

  const pace = async (): Promise<void> =>
    void (await new Promise((resolve) => clock.after(5, () => resolve(undefined))));
  const wanted = { url: "http://origin/a", name: "a", output: "a", headers: {}, filterQuery: [], tag: "" };
  const output = { ...(await files()), inOrder: false, assertRoom: () => Promise.resolve() };
  const parts = {
    origin: new ScriptedOrigin(() => ({ content, etag: '"a"', pace, chunkBytes: 4000 })),
    clock,
    random: nodeRandom,
    limiter: new Limiter(clock, Infinity),
    boot: new Uint8Array(8).fill(2),
    connectionsMax: 1,
    triesMax: 1,
    progressEveryMs: 200,
    signal: new AbortController().signal,
    tell: () => undefined,
  };
  let over = false;
  const got = downloadAlone(parts, wanted as unknown as Wanted, output).finally(() => (over = true));
  while (!over) await clock.settle(5);
  assert.equal((await got).lengthBytes, content.length);
  const journal = disk.bytesOf("/journal")!;
  const { records, validBytes } = decodeJournal(journal);
  assert.equal(validBytes, journal.length, "every record is of one chain");
  assert.equal(records.at(-1)?.kind, "end");
});
