/** Time as a port: what runs asks this, never `Date` or `setTimeout`, so that a simulator can stand in. */

export interface Timer {
  /** Stops the timer; harmless once it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back; its zero means nothing. */
  nowMs(): number;
  /** Milliseconds since 1970 on the wall's clock, which an operator may set back. */
  wallMs(): number;
  /** Calls `action` once, `delayMs` from now. The timer alone does not keep the process alive when `background`. */
  after(delayMs: number, action: () => void, options?: { readonly background?: boolean }): Timer;
}

/** Resolves after `delayMs`, or as soon as `signal` aborts: look at the signal afterwards. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(delayMs, end);
    if (signal?.aborted === true) end();
    else signal?.addEventListener("abort", end);
  });
}
