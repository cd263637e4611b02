/** Randomness as a port, so that one seed can replay a run. */

export interface Random {
  /** A number in [0, 1). Not for secrets. */
  unit(): number;
  /** `length` bytes fit for keys and nonces. */
  bytes(length: number): Uint8Array;
}

/** Shuffles `items` in place (Fisher-Yates) and returns it. */
export function shuffle<T>(items: T[], random: { unit(): number }): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random.unit() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
