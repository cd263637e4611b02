/**
 * One end that follows another: what AbortSignal.any does, for who knows when it is over. The signal
 * followed then forgets it at once, and no weak reference is left to the collector, which matters where
 * thousands come in a second.
 */

export interface Following {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  /** It follows no longer; its own signal stays as it is. */
  release(): void;
}

export function following(signal: AbortSignal): Following {
  const own = new AbortController();
  const follow = (): void => own.abort(signal.reason);
  if (signal.aborted) follow();
  else signal.addEventListener("abort", follow, { once: true });
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    release: () => signal.removeEventListener("abort", follow),
  };
}
