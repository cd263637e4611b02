/** The real clock: `performance.now`, `Date.now` and `setTimeout`. */

import type { Clock } from "./clock.ts";

export const nodeClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, action, options) {
    const timeout = setTimeout(action, Math.max(0, Math.min(delayMs, 0x7fffffff)));
    if (options?.background === true) timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};
