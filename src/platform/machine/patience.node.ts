/**
 * A timer for "nothing came". When it fires, the loop gets one more turn first: after a long
 * computation timers run before the sockets are looked at, and what came meanwhile still counts.
 */

export interface Patience {
  /** What was waited for has come. */
  end(): void;
}

export function patience(timeoutMs: number, exhausted: () => void): Patience {
  let turn: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    turn = setImmediate(() => (turn = setImmediate(exhausted)));
  }, timeoutMs);
  return {
    end() {
      clearTimeout(timer);
      clearImmediate(turn);
    },
  };
}
