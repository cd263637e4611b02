/** Whether an open file is still exactly what it was: its bytes, its name, everything that a change touches. */

import type { DiskFile, FileIdentity } from "#platform/files/disk.ts";

/** From now on; the answer is false too when the file cannot be looked at any more. */
export async function unchangedFromNow(file: DiskFile): Promise<() => Promise<boolean>> {
  const before = await file.identity();
  return async () => sameFile(before, await file.identity().catch(() => undefined));
}

function sameFile(before: FileIdentity, now: FileIdentity | undefined): boolean {
  return (
    now !== undefined &&
    now.links > 0 &&
    now.inode === before.inode &&
    now.device === before.device &&
    now.sizeBytes === before.sizeBytes &&
    now.modifiedNs === before.modifiedNs &&
    now.changedNs === before.changedNs
  );
}
