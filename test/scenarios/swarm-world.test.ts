/** Whole swarms of pure state machines under many seeds. DARNER_SEED=N plays one seed alone. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { World, type WorldOptions } from "../swarm-world.ts";

const chosen = process.env["DARNER_SEED"];
/** Always the same ones, and one that nobody has seen before. */
const seeds =
  chosen === undefined
    ? [...Array.from({ length: 20 }, (_, seed) => seed), Math.floor(Math.random() * 2 ** 31)]
    : [Number(chosen)];

function play(options: WorldOptions): World {
  const world = new World(options);
  try {
    world.run(180_000);
    const late = world.honest
      .filter((host) => !host.brain.finished)
      .map((host) => `${host.id} lacks ${host.brain.missing}`);
    assert.deepEqual(late, [], "every honest host finishes");
  } catch (error) {
    throw new Error(
      `at ${Math.round(world.nowMs)} ms, replay with DARNER_SEED=${options.seed}: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  return world;
}

describe("a swarm", () => {
  test("without trouble: all finish, and next to nothing is sent twice", () => {
    for (const seed of seeds) {
      const world = play({ seed, hosts: 12, pieces: 60, liar: false, faultsUntilMs: 0 });
      const twice = world.honest.reduce((sum, host) => sum + host.brain.duplicates, 0);
      assert.ok(twice <= 0.02 * 12 * 60, `${twice} pieces came twice; replay with DARNER_SEED=${seed}`);
    }
  });

  test("with a liar and links that break or fall silent: every honest host finishes", () => {
    for (const seed of seeds) {
      play({ seed, hosts: 4 + (seed % 9), pieces: 1 + ((seed * 7) % 80), liar: true, faultsUntilMs: 15_000 });
    }
  });
});
