/** A limit through which bytes are seen to go. */

import type { Gate } from "#platform/sockets/connection.ts";

/** The same limit; `onBytes` hears whenever bytes go through. */
export function seenMoving(limit: Gate, onBytes: () => unknown): Gate {
  return {
    get blocked() {
      return limit.blocked;
    },
    get chunkBytesMax() {
      return limit.chunkBytesMax;
    },
    charge(bytes) {
      onBytes();
      limit.charge(bytes);
    },
    ready: () => limit.ready(),
  };
}
