/**
 * The guard against our own mistakes. An assertion that fails is a bug in Darner, never bad input
 * and never trouble outside; it stays on in production and ends the process rather than go on wrong.
 */

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws AssertionError unless `condition` holds; `message` says what must be true. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a place that the types prove cannot be reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable value: ${JSON.stringify(value)}`);
}
