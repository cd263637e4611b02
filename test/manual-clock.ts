/**
 * A clock that a test moves by hand. `advance` fires timers in order and lets what they set going
 * settle before the next.
 */

import type { Clock } from "#platform/machine/clock.ts";

interface Waiting {
  readonly dueMs: number;
  readonly action: () => void;
}

export interface ManualClock extends Clock {
  /** An operator sets the wall\'s clock; a negative time is back. */
  setWall(aheadMs: number): void;
  advance(byMs: number): Promise<void>;
  /** Time goes by, and only then the timers that are due fire: the process was stopped. */
  standStill(forMs: number): Promise<void>;
  /** How many timers wait. */
  readonly waiting: number;
}

export function manualClock(): ManualClock {
  let nowMs = 0;
  let wallAheadMs = 0;
  const timers = new Set<Waiting>();
  const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const clock: ManualClock = {
    nowMs: () => nowMs,
    wallMs: () => 1_800_000_000_000 + wallAheadMs + nowMs,
    setWall: (aheadMs) => void (wallAheadMs = aheadMs),
    after(delayMs, action) {
      const timer = { dueMs: nowMs + Math.max(0, delayMs), action };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    async advance(byMs) {
      const untilMs = nowMs + byMs;
      for (;;) {
        await settle();
        const [next] = [...timers].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.action();
      }
      nowMs = untilMs;
    },
    standStill(forMs) {
      nowMs += forMs;
      return clock.advance(0);
    },
    get waiting() {
      return timers.size;
    },
  };
  return clock;
}
