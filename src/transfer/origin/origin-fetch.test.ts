/** Getting one object from its origin: every byte once, no two versions mixed, no failure unheard. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesEqual, DarnerError, type ErrorCode } from "#base/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { ScriptedOrigin, type ScriptedObject } from "../../../test/scripted-origin.ts";
import { Limiter } from "../limits/mod.ts";
import { OriginFetch } from "./origin-fetch.ts";
import type { OriginFetchOptions } from "./origin-fetch-options.ts";

const pieceBytes = 4096;
const content = Uint8Array.from({ length: 10 * pieceBytes + 100 }, (_, index) => (index * index + 7 * index) & 0xff);
const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const whole = (over: Partial<ScriptedObject> = {}): ScriptedObject => ({ content, etag: '"v1"', ...over });

interface Run {
  readonly clock: SimClock;
  readonly disk: SimDisk;
  readonly store: PieceFile;
  readonly origin: ScriptedOrigin;
  readonly began: string[];
  readonly pieces: number[];
  /** Resolves to the error's code, or "whole". */
  readonly run: (over?: Partial<OriginFetchOptions>) => Promise<ErrorCode | "whole">;
  readonly stored: () => Uint8Array;
}

async function newRun(serve: (number: number) => ScriptedObject | Promise<ScriptedObject>): Promise<Run> {
  const clock = new SimClock();
  const disk = new SimDisk();
  const journal = await disk.open("/journal", "keep");
  const store = await PieceFile.open({
    content: await disk.open("/content", "keep"),
    journal,
    boot: new Uint8Array(8),
  });
  const origin = new ScriptedOrigin((_, number) => serve(number));
  const began: string[] = [];
  const pieces: number[] = [];
  const run = async (over: Partial<OriginFetchOptions> = {}): Promise<ErrorCode | "whole"> => {
    const fetch = new OriginFetch({
      origin,
      clock,
      store,
      random: nodeRandom,
      limiter: new Limiter(clock, Infinity),
      url: "http://origin/a?sig=secret",
      headers: {},
      caller: "far",
      expected: [],
      proveAlways: true,
      connectionsMax: 1,
      splitBytesMin: pieceBytes,
      hosts: 1,
      pieceBytes,
      triesMax: 3,
      signal: new AbortController().signal,
      generationOf: ({ validator }) => validator ?? `random ${began.length}`,
      onBegun: () => {
        began.push(store.object!.generation);
        pieces.length = 0;
      },
      onPiece: (index) => pieces.push(index),
      ...over,
    });
    let outcome: ErrorCode | "whole" | undefined;
    fetch.run().then(
      () => (outcome = "whole"),
      (error: unknown) => {
        assert.ok(error instanceof DarnerError, String(error));
        assert.doesNotMatch(error.message, /secret/);
        outcome = error.code;
      },
    );
    for (let waitedMs = 0; outcome === undefined && waitedMs < 300_000; waitedMs += 100) await clock.settle(100);
    assert.ok(outcome !== undefined, "it ends");
    return outcome;
  };
  return { clock, disk, store, origin, began, pieces, run, stored: () => disk.bytesOf("/content")! };
}

describe("fetching from an origin", () => {
  test("one plain GET, every byte once, the whole proved", async () => {
    const { origin, store, pieces, run, stored } = await newRun(() => whole());
    assert.equal(await run(), "whole");
    assert.deepEqual(
      origin.asked.map((request) => request.range),
      [undefined],
    );
    assert.equal(origin.bytesSent, content.length);
    assert.ok(bytesEqual(stored(), content));
    assert.deepEqual(pieces, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(store.end?.digests, [`sha256:${sha256Of(content)}`]);
  });

  for (const ranges of [true, false]) {
    test(`what turns out to be spoiled on the way is asked for again${ranges ? "" : ", also without ranges"}`, async () => {
      const { origin, store, run, stored, disk } = await newRun(() => whole(ranges ? {} : { chunked: true }));
      const onPiece = (index: number): void => {
        if (index !== 5 || origin.asked.length > 1) return;
        disk.bytesOf("/content")!.fill(0, 2 * pieceBytes, 3 * pieceBytes);
        store.drop(2);
      };
      assert.equal(await run({ onPiece }), "whole");
      assert.ok(bytesEqual(stored(), content));
      const again = origin.bytesSent - content.length;
      assert.ok(again > 0 && again <= (ranges ? pieceBytes : 4 * pieceBytes), `${again} bytes came again`);
    });
  }

  test("property: however the chunks fall and whatever breaks, the bytes are right and few are lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9000 }),
        fc.array(fc.integer({ min: 0, max: content.length }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (chunkBytes, cuts, connectionsMax) => {
          const { origin, run, stored } = await newRun((number) => {
            const cutAt = cuts[number];
            return whole({ chunkBytes, ...(cutAt === undefined ? {} : { cutAt }) });
          });
          assert.equal(await run({ connectionsMax, triesMax: 10 }), "whole");
          assert.ok(bytesEqual(stored(), content));
          // A break loses less than a piece; a further connection cuts an answer short, which loses a chunk or a piece.
          const lostMax = (cuts.length + origin.asked.length) * (pieceBytes + chunkBytes);
          assert.ok(origin.bytesSent <= content.length + lostMax, `${origin.bytesSent} bytes sent`);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("more connections take runs of their own; no byte is asked twice", async () => {
    const { clock, origin, run, stored } = await newRun(() =>
      whole({ pace: () => new Promise((resolve) => clock.after(10, resolve)) }),
    );
    assert.equal(await run({ connectionsMax: 3 }), "whole");
    assert.ok(bytesEqual(stored(), content));
    assert.ok(origin.asked.length >= 3);
    assert.ok(origin.asked.slice(1).every((request) => request.ifRange === '"v1"'));
  });

  test("a hole left by an earlier run is all that is asked for", async () => {
    const first = await newRun(() => whole({ cutAt: 5 * pieceBytes + 10 }));
    assert.equal(await first.run({ triesMax: 1 }), "network.broken");
    assert.equal(first.store.have.count, 5);
    first.store.drop(2);
    const origin = new ScriptedOrigin(() => whole());
    assert.equal(await first.run({ origin }), "whole");
    assert.deepEqual(
      origin.asked.map((request) => [request.range?.start, request.range?.end]),
      [
        [2 * pieceBytes, 3 * pieceBytes],
        [5 * pieceBytes, content.length],
      ],
    );
    assert.ok(bytesEqual(first.stored(), content));
  });

  test("no length, no ranges: a break starts over, and what was stored is compared, not trusted", async () => {
    const { origin, began, run, stored } = await newRun((number) => ({
      content,
      chunked: true,
      ...(number === 0 ? { cutAt: 6 * pieceBytes + 1 } : {}),
    }));
    assert.equal(await run(), "whole");
    assert.equal(origin.asked.length, 2);
    assert.equal(began.length, 1);
    assert.ok(bytesEqual(stored(), content));
  });

  test("an object that changed between two tries is begun anew, once", async () => {
    const changed = content.map((byte) => byte ^ 1);
    for (const chunked of [false, true]) {
      const etag = (name: string): Partial<ScriptedObject> => (chunked ? {} : { etag: name });
      const { began, run, stored } = await newRun((number) =>
        number === 0
          ? { content, chunked, cutAt: 3 * pieceBytes, ...etag('"v1"') }
          : { content: changed, chunked, ...etag('"v2"') },
      );
      assert.equal(await run(), "whole");
      assert.equal(began.length, 2);
      assert.ok(bytesEqual(stored(), changed));
    }
  });

  test("without a length, a second body that ends earlier is another version", async () => {
    for (const lengthBytes of [2 * pieceBytes, 2 * pieceBytes + 5, 0]) {
      const { began, run, stored, store } = await newRun((number) =>
        number === 0
          ? { content, chunked: true, cutAt: 5 * pieceBytes }
          : { content: content.subarray(0, lengthBytes), chunked: true },
      );
      assert.equal(await run(), "whole");
      assert.equal(began.length, 2);
      assert.equal(store.end?.lengthBytes, lengthBytes);
      assert.ok(bytesEqual(stored(), content.subarray(0, lengthBytes)));
    }
  });

  test("an object that never rests is given up", async () => {
    const { run } = await newRun((number) => whole({ etag: `"v${number}"`, cutAt: 2 * pieceBytes }));
    assert.equal(await run({ triesMax: 10 }), "origin.changed");
  });

  test("a wrong digest is an error, nothing of it stays trusted, and the next run starts over", async () => {
    const expected = [{ algorithm: "sha256", hex: sha256Of(new Uint8Array(1)) }] as const;
    const { origin, store, run } = await newRun(() => whole());
    assert.equal(await run({ expected }), "digest.mismatch");
    assert.equal(store.have.count, 0);
    assert.equal(store.end, undefined);
    assert.equal(await run({ expected: [{ algorithm: "sha256", hex: sha256Of(content) }] }), "whole");
    assert.equal(origin.bytesSent, 2 * content.length);
  });

  test("a window is stored as an object of its own, also when the origin ignores ranges", async () => {
    const window = { start: pieceBytes + 100, end: 4 * pieceBytes + 7 };
    for (const chunked of [false, true]) {
      const { origin, run, stored } = await newRun(() => whole({ chunked }));
      assert.equal(await run({ window }), "whole", `chunked: ${chunked}`);
      assert.deepEqual(origin.asked[0]!.range, window);
      const expected = chunked ? content.subarray(window.start) : content.subarray(window.start, window.end);
      assert.ok(
        bytesEqual(stored().subarray(0, window.end - window.start), expected.subarray(0, window.end - window.start)),
      );
    }
  });

  test("tries are counted from the last new piece; a failure that says never is never tried again", async () => {
    const never = new DarnerError("origin.forbidden", "cannot get it: 403");
    const { run: runOnce, origin } = await newRun(() => {
      throw never;
    });
    assert.equal(await runOnce(), "origin.forbidden");
    assert.equal(origin.asked.length, 1);
    const { run, origin: flaky } = await newRun(() => whole({ cutAt: 2 * pieceBytes + 1 }));
    assert.equal(await run({ triesMax: 2 }), "whole");
    assert.ok(flaky.asked.length >= 5);
  });

  test("an abort ends it at once with its reason; what came stays for the next run", async () => {
    const controller = new AbortController();
    const { clock, store, run } = await newRun(() =>
      whole({ pace: () => new Promise((resolve) => clock.after(10, resolve)) }),
    );
    clock.after(250, () => controller.abort());
    assert.equal(await run({ signal: controller.signal }), "interrupted");
    assert.ok(store.have.count > 0 && !store.have.full);
  });

  test("an empty object is whole with its first answer", async () => {
    const { run, store } = await newRun(() => whole({ content: new Uint8Array(0) }));
    assert.equal(await run(), "whole");
    assert.equal(store.end?.lengthBytes, 0);
    assert.deepEqual(store.end?.digests, [`sha256:${Buffer.from(sha256(new Uint8Array(0))).toString("hex")}`]);
  });
});
