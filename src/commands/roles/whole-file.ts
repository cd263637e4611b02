/**
 * Small files that a role cannot do without: keys, certificates, its cluster. Each is the old one or the
 * new one, whatever happens meanwhile, a full disk and a loss of power too.
 */

import { renameSync, rmSync, writeFileSync } from "node:fs";
import { diskError } from "#platform/files/disk.node.ts";

/** Its owner alone reads it, unless told otherwise. Throws `disk.full`, `output.not-writable`: nothing has changed. */
export function writeWholeFile(path: string, text: string, mode = 0o600): void {
  const next = `${path}.new`;
  // One that is left from before has a mode of its own.
  rmSync(next, { force: true });
  try {
    writeFileSync(next, text, { mode, flush: true, flag: "wx" });
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw diskError(error, `write ${path}`);
  }
}
