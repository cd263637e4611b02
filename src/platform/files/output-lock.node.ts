/** Keeps two processes from one partial file: a name in the kernel's own name space, which goes with its process. */

import * as net from "node:net";

/** `taken`: another process has it. Undefined where there is no such name space, or no room in it. */
export function lockName({
  dev,
  ino,
}: {
  readonly dev: bigint;
  readonly ino: bigint;
}): { close(): void } | "taken" | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    // Bound is enough: nobody ever connects to it, and a listening server loads `node:cluster`.
    const options = { path: `\0darner-part-${dev}-${ino}` }; // the types know of TCP only
    return new net.BoundSocket(options as net.BoundSocketOptions);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EADDRINUSE" ? "taken" : undefined;
  }
}
