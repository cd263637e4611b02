/**
 * How many bytes must have come before a process is woken for them (SO_RCVLOWAT). A wake-up costs more
 * than the bytes that it brings, yet silence is to be heard soon, so the mark follows the pace: twice
 * the mark when full reads come faster than is worth while, what the pace allows when they come too
 * seldom.
 */

const markBytes = { min: 16 * 1024, first: 64 * 1024, max: 256 * 1024 } as const;
const readEveryMs = { min: 150, max: 450 } as const;

export class ReadMark {
  bytes: number = markBytes.first;
  #readMs = 0;

  /** A read that the mark does not count for. */
  began(nowMs: number): void {
    this.#readMs = nowMs;
  }

  /** So many bytes came in one read. */
  came(count: number, nowMs: number): void {
    const sinceMs = nowMs - this.#readMs;
    this.#readMs = nowMs;
    if (sinceMs > readEveryMs.max) {
      const paced = Math.floor((count * readEveryMs.max) / sinceMs);
      this.bytes = Math.max(markBytes.min, Math.min(this.bytes, paced));
    } else if (sinceMs < readEveryMs.min && count >= this.bytes) {
      this.bytes = Math.min(markBytes.max, this.bytes * 2);
    }
  }
}
