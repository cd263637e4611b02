/** A file whose reads and writes are paced by the host's disk limits. */

import type { DiskFile } from "#platform/files/disk.ts";
import type { Gate } from "#platform/sockets/connection.ts";
import { limitedRead, limitedWrite } from "./limited-disk.ts";
import type { Limiter } from "./limiter.ts";

export function limitedFile(file: DiskFile, reads: Limiter, writes: Limiter): DiskFile {
  return {
    name: file.name,
    get descriptor() {
      return file.descriptor;
    },
    read: (into, position) => limitedRead(reads, file, into, position),
    write: (bytes, position) => limitedWrite(writes, file, bytes, position),
    truncate: (lengthBytes) => file.truncate(lengthBytes),
    allocate: (lengthBytes) => file.allocate(lengthBytes),
    clear: (position, count, isBlank) => file.clear(position, count, isBlank),
    cloneFrom: (source) => file.cloneFrom(source),
    identity: () => file.identity(),
    close: () => file.close(),
  };
}

/** One gate out of two: what is sent from a file counts as sent and, where the kernel reads it, as read. */
export function bothGates(first: Limiter, second: Limiter): Gate {
  return {
    get blocked() {
      return first.blocked || second.blocked;
    },
    get chunkBytesMax() {
      return Math.min(first.chunkBytesMax, second.chunkBytesMax);
    },
    charge(bytes) {
      first.charge(bytes);
      second.charge(bytes);
    },
    async ready() {
      while (first.blocked || second.blocked) await (first.blocked ? first : second).ready();
    },
  };
}
