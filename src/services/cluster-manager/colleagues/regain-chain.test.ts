/** What follows when a manager that lends an object is lost, or the task is stopped. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Regain } from "./regain.ts";
import { RegainChain } from "./regain-chain.ts";
import type { TakenOver } from "./takeover.ts";

function newChain(names: readonly string[]) {
  const left: string[] = [];
  const found = names.map((name) => ({ lender: { leave: () => void left.push(name) } }) as unknown as TakenOver);
  const ends: (() => void)[] = [];
  const chain = new RegainChain({
    first: found[0]!,
    begin: () => {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      ends.push(resolve);
      return { ended, stop: resolve } as unknown as Regain;
    },
    next: async (before) => found[found.indexOf(before) + 1],
  });
  return { chain, ends, left };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("when one ends early the next follows, and each lender is left", async () => {
  const { chain, ends, left } = newChain(["owner", "successor"]);
  ends[0]!();
  await settle();
  assert.equal(ends.length, 2);
  assert.deepEqual(left, ["owner"]);
  ends[1]!();
  await chain.ended;
  assert.deepEqual(left, ["owner", "successor"]);
});

test("a chain that is stopped asks nobody else", async () => {
  const { chain, ends, left } = newChain(["owner", "successor"]);
  chain.stop();
  await chain.ended;
  assert.equal(ends.length, 1);
  assert.deepEqual(left, ["owner"]);
});
