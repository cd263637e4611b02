/** The real source of randomness. */

import * as fs from "node:fs";
import type { Random } from "./random.ts";

export const nodeRandom: Random = {
  unit: () => Math.random(),
  bytes: (length) => systemBytes(length) ?? process.getBuiltinModule("node:crypto").randomBytes(length),
};

/** The kernel's own, without node:crypto, whose loading would be a tenth of what dfget costs; see random(4). */
function systemBytes(length: number): Uint8Array | undefined {
  let descriptor = -1;
  try {
    descriptor = fs.openSync("/dev/urandom", "r");
    const bytes = new Uint8Array(length);
    return fs.readSync(descriptor, bytes) === length ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor >= 0) fs.closeSync(descriptor);
  }
}
