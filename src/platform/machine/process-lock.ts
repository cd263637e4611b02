/** One process a data directory, as a port. */

export interface ProcessLock {
  /** Harmless when it is released already. */
  release(): void;
}

/**
 * Locks `directory`, which exists, until `release` or the end of the process, however it ends. Throws
 * `store.locked`, with the other process's pid in the message and as a fact where it is known.
 */
export type LockDirectory = (directory: string) => ProcessLock;
