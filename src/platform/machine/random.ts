/** Randomness as a port, so that one seed can replay a run. */

export interface Random {
  /** A number in [0, 1). Not for secrets. */
  unit(): number;
  /** `length` bytes fit for keys and nonces. */
  bytes(length: number): Uint8Array;
}
