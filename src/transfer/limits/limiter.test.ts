/** A limit under many who want more: the bound, the order, and that nobody waits for ever. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimClock } from "#platform/machine/clock.sim.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import { limitedRead, limitedWrite } from "./limited-disk.ts";
import { Limiter } from "./limiter.ts";

/** Every charge with its time, as the process itself would count them. */
class Meter {
  readonly #passed: { readonly atMs: number; readonly bytes: number }[] = [];

  add(atMs: number, bytes: number): void {
    this.#passed.push({ atMs, bytes });
  }

  get total(): number {
    return this.#passed.reduce((sum, item) => sum + item.bytes, 0);
  }

  /** The most bytes in any window of one second. */
  get worstSecond(): number {
    return Math.max(
      ...this.#passed.map(({ atMs }) =>
        this.#passed.reduce((sum, item) => sum + (item.atMs >= atMs && item.atMs < atMs + 1000 ? item.bytes : 0), 0),
      ),
    );
  }
}

/** Sends chunks for as long as it may, as an upload does. */
function greedySender(limiter: Limiter, clock: SimClock, meter: Meter): void {
  const send = (): void => {
    while (!limiter.blocked) {
      const bytes = limiter.chunkBytesMax;
      limiter.charge(bytes);
      meter.add(clock.nowMs(), bytes);
    }
    limiter.whenReady(send);
  };
  send();
}

/** Reads one chunk each time it is let go; the bytes come only `latencyMs` later, as from a socket. */
function pausedReader(limiter: Limiter, clock: SimClock, meter: Meter, latencyMs: number): void {
  const resume = (): void => {
    clock.after(latencyMs, () => {
      const bytes = Math.min(65_536, limiter.chunkBytesMax);
      limiter.charge(bytes);
      meter.add(clock.nowMs(), bytes);
      if (limiter.blocked) limiter.whenReady(resume);
      else resume();
    });
  };
  limiter.whenReady(resume);
}

describe("a limit that many want more of", () => {
  for (const rate of [20_000, 10_000_000]) {
    test(`twelve senders at ${rate} bytes/s: no second above 1.05, none of the rate lost`, () => {
      const clock = new SimClock();
      const limiter = new Limiter(clock, rate);
      const meter = new Meter();
      clock.after(3000, () => {
        for (let sender = 0; sender < 12; sender++) greedySender(limiter, clock, meter);
      });
      clock.advance(9000);
      assert.ok(meter.worstSecond <= 1.05 * rate, `${meter.worstSecond}`);
      assert.ok(meter.total >= 0.99 * rate * 6, `${meter.total}`);
      assert.equal(limiter.bytesTotal, meter.total);
    });
  }

  test("twelve readers who learn what came only afterwards keep the bound too", () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 10_000_000);
    const meter = new Meter();
    for (let reader = 0; reader < 12; reader++) pausedReader(limiter, clock, meter, 1);
    clock.advance(6000);
    assert.ok(meter.worstSecond <= 10_500_000, `${meter.worstSecond}`);
    assert.ok(meter.total >= 0.98 * 60_000_000, `${meter.total}`);
  });

  test("waiters go on in the order they came, one for each debt", () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1000);
    const order: string[] = [];
    limiter.charge(125);
    for (const name of ["a", "b", "c"]) {
      limiter.whenReady(() => {
        order.push(`${name}@${Math.round(clock.nowMs() / 100)}`);
        limiter.charge(100);
      });
    }
    assert.deepEqual(order, []);
    clock.advance(1000);
    assert.deepEqual(order, ["a@1", "b@2", "c@3"]);
  });

  test("who is let go and moves nothing holds the others up for a moment only", () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1000);
    const order: string[] = [];
    for (const name of ["idle", "busy"]) limiter.whenReady(() => order.push(name));
    clock.advance(1);
    assert.deepEqual(order, ["idle"]);
    clock.advance(5);
    assert.deepEqual(order, ["idle", "busy"]);
  });

  test("who leaves the queue is not called, and those behind it are", () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1000);
    const order: string[] = [];
    limiter.charge(200);
    limiter.whenReady(() => order.push("gone")).cancel();
    limiter.whenReady(() => order.push("here"));
    clock.advance(1000);
    assert.deepEqual(order, ["here"]);
  });

  test("an action never runs before whenReady returns, even when nothing blocks", () => {
    const clock = new SimClock();
    let ran = 0;
    new Limiter(clock, Infinity).whenReady(() => ran++);
    assert.equal(ran, 0);
    clock.advance(0);
    assert.equal(ran, 1);
  });
});

describe("changing and ending a limit", () => {
  test("a higher rate lets those who wait go at once, a lower one binds them at once", () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1000);
    const meter = new Meter();
    greedySender(limiter, clock, meter);
    clock.advance(2000);
    limiter.setRate(1_000_000);
    const before = meter.total;
    clock.advance(1000);
    assert.ok(meter.total - before >= 950_000 && meter.total - before <= 1_050_000);
    limiter.setRate(1000);
    const after = meter.total;
    clock.advance(1000);
    assert.ok(meter.total - after <= 1050, `${meter.total - after}`);
  });

  test("no limit any more: everybody who waits goes on", () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1000);
    let ran = 0;
    limiter.charge(1_000_000);
    for (let waiter = 0; waiter < 5; waiter++) limiter.whenReady(() => ran++);
    clock.advance(1000);
    assert.equal(ran, 0);
    limiter.setRate(Infinity);
    clock.advance(1);
    assert.equal(ran, 5);
    assert.equal(clock.pending, 0);
  });

  test("close lets everybody go, leaves no timer, and nothing blocks afterwards", async () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1000);
    limiter.charge(1_000_000);
    const waiting = [limiter.ready(), limiter.ready()];
    limiter.close();
    await Promise.all(waiting);
    assert.equal(limiter.blocked, false);
    assert.equal(clock.pending, 0);
  });

  test("one who always waits again cannot turn that into an endless loop", () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, Infinity);
    let turns = 0;
    const again = (): void => {
      turns++;
      if (turns < 1000) limiter.whenReady(again);
    };
    limiter.whenReady(again);
    limiter.close();
    assert.equal(turns, 1);
  });
});

describe("disk operations under a limit", () => {
  /** A file in memory that counts what it moves. */
  function memoryFile(content: Uint8Array, clock: SimClock, meter: Meter): DiskFile {
    return {
      name: "memory",
      descriptor: -1,
      async read(into, position) {
        const part = content.subarray(position, position + into.length);
        into.set(part);
        meter.add(clock.nowMs(), part.length);
        return part.length;
      },
      async write(bytes, position) {
        content.set(bytes, position);
        meter.add(clock.nowMs(), bytes.length);
      },
      truncate: async () => assert.fail("nobody truncates"),
      allocate: async () => assert.fail("nobody sets space aside"),
      clear: async () => assert.fail("nobody clears"),
      cloneFrom: async () => assert.fail("nobody clones"),
      identity: async () => assert.fail("nobody looks"),
      close: async () => {},
    };
  }

  test("four large writes at once keep the bound and write every byte in its place", async () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1_000_000);
    const meter = new Meter();
    const content = new Uint8Array(4_000_000);
    const file = memoryFile(content, clock, meter);
    const writes = [1, 2, 3, 4].map((value) =>
      limitedWrite(limiter, file, new Uint8Array(1_000_000).fill(value), (value - 1) * 1_000_000),
    );
    await clock.settle(4100);
    await Promise.all(writes);
    assert.ok(meter.worstSecond <= 1_050_000, `${meter.worstSecond}`);
    for (const value of [1, 2, 3, 4]) {
      assert.ok(content.subarray((value - 1) * 1_000_000, value * 1_000_000).every((byte) => byte === value));
    }
  });

  test("a read ends at the end of the file", async () => {
    const clock = new SimClock();
    const limiter = new Limiter(clock, 1_000_000);
    const file = memoryFile(new Uint8Array(50_000).fill(7), clock, new Meter());
    const into = new Uint8Array(100_000);
    const reading = limitedRead(limiter, file, into, 10_000);
    await clock.settle(1000);
    assert.equal(await reading, 40_000);
    assert.equal(into[39_999], 7);
    assert.equal(into[40_000], 0);
  });

  test("without a limit it is one operation", async () => {
    const clock = new SimClock();
    let operations = 0;
    const meter = { add: () => operations++ } as unknown as Meter;
    const file = memoryFile(new Uint8Array(5_000_000), clock, meter);
    await limitedWrite(new Limiter(clock, Infinity), file, new Uint8Array(5_000_000), 0);
    assert.equal(operations, 1);
  });
});
