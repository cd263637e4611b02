/** The real source of randomness. */

import { randomBytes } from "node:crypto";
import type { Random } from "./random.ts";

export const nodeRandom: Random = {
  unit: () => Math.random(),
  bytes: (length) => randomBytes(length),
};
