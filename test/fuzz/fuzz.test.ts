/** A few seconds of the fuzzing that `npm run fuzz` does for hours: each parser, inputs drawn by fast-check's seed. */

import { test } from "node:test";
import fc from "fast-check";
import { DarnerError } from "#base/mod.ts";
import { Chance } from "./mutation.ts";
import { parsers } from "./parsers.ts";

for (const parser of parsers) {
  test(`${parser.name}: whatever comes gives a value or an error of ours`, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        try {
          parser.run(new Chance(seed));
        } catch (error) {
          if (!(error instanceof DarnerError)) throw error;
        }
      }),
      { numRuns: 1_500 },
    );
  });
}
