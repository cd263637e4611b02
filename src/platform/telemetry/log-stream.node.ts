/**
 * Standard error for log lines. (sonic-boom, pino's own, repeats a broken pipe for ever when it
 * happens while the process ends: a role whose reader is gone would never be gone itself.)
 *
 * 1. `write` never blocks; beyond `waitingBytesMax` the newest lines are lost.
 * 2. When the process ends, what waits is written, for at most `endMsMax`; a reader that is gone, or
 *    does not read, costs the lines, not the end.
 */

import * as fs from "node:fs";

const stderrDescriptor = 2;
const waitingBytesMax = 4 * 1024 * 1024;
const busyMs = 50;
const endMsMax = 1000;

class StandardError {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** An asynchronous write has these; nobody else may write them. */
  #writing = false;
  #gone = false;

  constructor() {
    process.on("exit", () => this.#writeRest());
  }

  write(line: string): void {
    if (this.#gone) return;
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > waitingBytesMax) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#writeNext();
  }

  #take(): Buffer {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return bytes;
  }

  #giveBack(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#waiting.unshift(bytes);
    this.#waitingBytes += bytes.length;
  }

  #writeNext(): void {
    if (this.#writing || this.#gone || this.#waiting.length === 0) return;
    this.#writing = true;
    const bytes = this.#take();
    fs.write(stderrDescriptor, bytes, (error, count) => {
      this.#writing = false;
      const isBusy = error?.code === "EAGAIN";
      if (error !== null && !isBusy) this.#gone = true;
      this.#giveBack(bytes.subarray(isBusy ? 0 : count));
      if (isBusy) setTimeout(() => this.#writeNext(), busyMs).unref();
      else this.#writeNext();
    });
  }

  #writeRest(): void {
    const untilMs = performance.now() + endMsMax;
    let rest = this.#take();
    while (rest.length > 0 && !this.#gone && performance.now() < untilMs) {
      try {
        rest = rest.subarray(fs.writeSync(stderrDescriptor, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyMs);
      }
    }
  }
}

let shared: StandardError | undefined;

/** One for the whole process, so that the lines of several logs never mix. */
export function standardErrorStream(): { write(line: string): void } {
  return (shared ??= new StandardError());
}
