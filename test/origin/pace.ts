/** A rate that all who take from it share, in the order in which they ask. */

export interface Pace {
  /** Resolves when the next `bytes` may be sent. */
  take(bytes: number): Promise<void>;
}

/** Time not used is saved up to here, so that a late timer costs nothing. */
const savedMs = 20;

export function paceOf(rateBytesPerSecond: number): Pace {
  if (rateBytesPerSecond === Infinity) return { take: () => Promise.resolve() };
  let freeAtMs = 0;
  return {
    take(bytes) {
      const nowMs = performance.now();
      freeAtMs = Math.max(freeAtMs, nowMs - savedMs) + (bytes / rateBytesPerSecond) * 1000;
      const waitMs = freeAtMs - nowMs;
      return waitMs < 1 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, waitMs));
    },
  };
}
