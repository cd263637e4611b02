/** Names, lists, proofs and assemblies of one object: the small parts that a transfer is made of. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesEqual, DarnerError } from "#base/mod.ts";
import { pieceCount } from "#core/model/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { nameGeneration, assertDigests, Prover } from "../manifest/mod.ts";
import { bothGates, limitedFile, Limiter } from "../limits/mod.ts";
import { notSealed, taskIdOf } from "../rights/mod.ts";

describe("names", () => {
  const ask = { url: "http://h/a", headers: {}, filterQuery: [], tag: "" };

  test("a credential is part of a task's id, whatever the spelling and order of its fields; other fields are not", () => {
    const id = taskIdOf(ask);
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(taskIdOf({ ...ask, headers: { "User-Agent": "x", "Accept": "y" } }), id);
    assert.notEqual(taskIdOf({ ...ask, headers: { "X-JFrog-Art-Api": "key" } }), id, "what nobody knows may be one");
    assert.throws(() => taskIdOf({ ...ask, url: "http://user:word@h/a" }), { code: "url.malformed" });
    const one = taskIdOf({ ...ask, headers: { Authorization: "Bearer a", Cookie: "c" } });
    assert.equal(taskIdOf({ ...ask, headers: { cookie: "c", AUTHORIZATION: "Bearer a" } }), one);
    const others: readonly Record<string, string>[] = [
      { Authorization: "Bearer b", Cookie: "c" },
      { Authorization: "Bearer a" },
      { Cookie: "Bearer a" },
    ];
    assert.equal(new Set([id, one, ...others.map((headers) => taskIdOf({ ...ask, headers }))]).size, 5);
  });

  test("a generation follows from validator, length and piece length; without a validator it is nobody else's", () => {
    const facts = { task: "t", validator: '"v"', lengthBytes: 10, pieceBytes: 4 };
    const name = nameGeneration(facts, nodeRandom);
    assert.match(name, /^[0-9a-f]{32}$/);
    assert.equal(nameGeneration({ ...facts }, nodeRandom), name);
    for (const other of [
      { task: "u" },
      { validator: '"w"' },
      { lengthBytes: 11 },
      { lengthBytes: undefined },
      { pieceBytes: 8 },
    ])
      assert.notEqual(nameGeneration({ ...facts, ...other }, nodeRandom), name);
    const unnamed = { ...facts, validator: undefined };
    assert.notEqual(nameGeneration(unnamed, nodeRandom), nameGeneration(unnamed, nodeRandom));
  });
});

describe("a proof", () => {
  test("property: pieces in any order give the digests of the whole", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 100 }),
        fc.integer({ min: 1, max: 20 }),
        fc.infiniteStream(fc.nat()),
        fc.subarray(["sha256", "md5"] as const, { minLength: 1 }),
        async (object, pieceBytes, order, algorithms) => {
          const disk = new SimDisk();
          const journal = await disk.open("/j", "keep");
          const store = await PieceFile.open({
            content: await disk.open("/c", "keep"),
            journal,
            boot: new Uint8Array(8),
          });
          await store.begin({ kind: "object", url: "", generation: "g", pieceBytes, lengthBytes: object.length });
          const prover = new Prover(store, notSealed, algorithms);
          const left = Array.from({ length: pieceCount(object.length, pieceBytes) }, (_, index) => index);
          while (left.length > 0) {
            const [index] = left.splice(order.next().value % left.length, 1);
            const bytes = object.subarray(index! * pieceBytes, (index! + 1) * pieceBytes);
            await store.put(index!, bytes, sha256(bytes));
            prover.offer(index!, bytes);
          }
          const proved = await prover.digests(object.length);
          for (const { algorithm, hex } of proved)
            assert.equal(hex, createHash(algorithm).update(object).digest("hex"));
          assert.deepEqual(
            proved.map(({ algorithm }) => algorithm),
            algorithms,
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  test("what was expected must be among what was proved", () => {
    const sha = { algorithm: "sha256", hex: "00" } as const;
    assertDigests("http://h/a", [sha], [sha, { algorithm: "md5", hex: "11" }]);
    for (const proved of [[], [{ algorithm: "sha256", hex: "01" } as const]])
      assert.throws(
        () => assertDigests("http://h/a", [sha], proved),
        (error) => error instanceof DarnerError && error.code === "digest.mismatch",
      );
  });
});

describe("a limited file", () => {
  test("keeps to both rates, and its bytes are the file's", async () => {
    const clock = new SimClock();
    const disk = new SimDisk();
    const reads = new Limiter(clock, 1_000_000);
    const writes = new Limiter(clock, 10_000);
    const file = limitedFile(await disk.open("/a", "keep"), reads, writes);
    const bytes = Uint8Array.from({ length: 30_000 }, (_, index) => index & 0xff);
    const writing = file.write(bytes, 5);
    await clock.settle(2_000);
    const partial = (await file.identity()).sizeBytes;
    assert.ok(partial > 10_000 && partial < 25_000, `${partial} bytes after two seconds`);
    await clock.settle(2_000);
    await writing;
    const into = new Uint8Array(40_000);
    const reading = file.read(into, 0);
    await clock.settle(1_000);
    assert.equal(await reading, 30_005);
    assert.ok(bytesEqual(into.subarray(5, 30_005), bytes));
    assert.deepEqual([reads.bytesTotal >= 30_005, writes.bytesTotal], [true, 30_000]);
  });

  test("two gates let through what both let through, and both count it", async () => {
    const clock = new SimClock();
    const [slow, fast] = [new Limiter(clock, 1_000), new Limiter(clock, 1_000_000)];
    const gate = bothGates(slow, fast);
    assert.equal(gate.chunkBytesMax, Math.min(slow.chunkBytesMax, fast.chunkBytesMax));
    gate.charge(500);
    assert.deepEqual([slow.bytesTotal, fast.bytesTotal, gate.blocked], [500, 500, true]);
    let ready = false;
    void gate.ready().then(() => (ready = true));
    await clock.settle(300);
    assert.equal(ready, false);
    await clock.settle(300);
    assert.ok(ready && !gate.blocked);
  });
});
