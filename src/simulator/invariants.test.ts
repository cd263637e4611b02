/**
 * A smoke of many short seeds: small clusters with every fault, and some without any. A seed that broke
 * something stays here. DARNER_SEED=N plays one seed alone; `npm run sim -- invariants` plays many.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSeeds, replayCommand, runInvariants, type InvariantsOptions } from "./invariants.ts";

const chosen = process.env["DARNER_SEED"];

function assertHold(from: number, to: number, options: InvariantsOptions): void {
  const range = chosen === undefined ? [from, to] : [Number(chosen), Number(chosen)];
  const { failure } = checkSeeds(range[0]!, range[1]!, options);
  if (failure === undefined) return;
  const { hosts = 60, pieces = 64 } = options;
  assert.fail(
    `seed ${failure.seed}, ${hosts} hosts x ${pieces} pieces: ${failure.message}; DARNER_SEED=${failure.seed} replays it`,
  );
}

test("twelve hosts, twenty pieces, everything goes wrong", () => {
  assertHold(0, 24, { hosts: 12, pieces: 20 });
  const unseen = Math.floor(Math.random() * 2 ** 31);
  assertHold(unseen, unseen + 4, { hosts: 12, pieces: 20 });
});

test("sixty hosts, sixty-four pieces, everything goes wrong", () => {
  assertHold(1, 2, {});
  assertHold(1056, 1056, {});
  assertHold(3035, 3035, {});
});

test("one piece alone", () => {
  assertHold(0, 9, { hosts: 10, pieces: 1 });
});

test("nothing goes wrong: little comes twice", () => {
  assertHold(0, 4, { hosts: 20, pieces: 64, calm: true });
});

test("one seed gives one run, to the last event", () => {
  const options = { hosts: 10, pieces: 12 };
  const lines: string[][] = [[], []];
  const results = lines.map((log) => runInvariants(5, { ...options, trace: (line) => void log.push(line) }));
  assert.deepEqual(results[0], results[1]);
  assert.deepEqual(lines[0], lines[1]);
  assert.ok(lines[0]!.some((line) => line.includes("fault begins")));
  assert.match(replayCommand(5), /--seed 5/);
});
