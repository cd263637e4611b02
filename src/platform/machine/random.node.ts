/** The real source of randomness. */

import * as fs from "node:fs";
import type { Random } from "./random.ts";

export const nodeRandom: Random = {
  unit: () => Math.random(),
  bytes: (length) => systemBytes(length) ?? process.getBuiltinModule("node:crypto").randomBytes(length),
};

/** Open from the first use to the process's end: a manager asks for each object. */
let source: number | undefined;

/** The kernel's own, without node:crypto, whose loading would be a tenth of what dfget costs; see random(4). */
function systemBytes(length: number): Uint8Array | undefined {
  try {
    source ??= fs.openSync("/dev/urandom", "r");
    const bytes = new Uint8Array(length);
    return fs.readSync(source, bytes) === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}
