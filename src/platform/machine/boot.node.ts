/**
 * Which boot of the machine this is: what one boot wrote is in the page cache or on the disk, what an
 * earlier one wrote may be torn. Containers share the boot of their machine, and its page cache.
 */

import * as fs from "node:fs";
import { nodeRandom } from "./random.node.ts";

export const bootTagBytes = 8;

/** Where nobody tells: every process is a boot of its own, so it trusts nothing that is older. */
const tagOfProcess: Uint8Array = nodeRandom.bytes(bootTagBytes);

/** The head of the boot id's SHA-256. */
export function readBootTag(source = "/proc/sys/kernel/random/boot_id"): Uint8Array {
  let id = "";
  try {
    id = fs.readFileSync(source, "latin1").trim();
  } catch {
    // No Linux, or no /proc.
  }
  if (id === "") return tagOfProcess;
  // Loaded when it is needed, as by keys/digest.ts.
  const digest = process.getBuiltinModule("node:crypto").hash("sha256", id, "hex");
  return new Uint8Array(Buffer.from(digest, "hex").subarray(0, bootTagBytes));
}
