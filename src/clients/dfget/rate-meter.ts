/** How fast bytes come, over the last few seconds, and how long the rest will take. */

const windowMs = 4000;
const samplesMax = 64;

export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];

  /** `bytes` have come in all, at `atMs`. */
  note(bytes: number, atMs: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && bytes < last.bytes) this.#samples.length = 0;
    this.#samples.push({ atMs, bytes });
    while (this.#samples.length > 2 && atMs - this.#samples[1]!.atMs > windowMs) this.#samples.shift();
    if (this.#samples.length > samplesMax) this.#samples.splice(1, 1);
  }

  get bytesPerSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  /** Undefined while nothing comes. */
  remainingMs(restBytes: number): number | undefined {
    const rate = this.bytesPerSecond;
    return rate > 0 ? (restBytes / rate) * 1000 : undefined;
  }
}
