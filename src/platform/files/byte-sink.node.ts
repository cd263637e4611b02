/**
 * Pipes, terminals and devices as outputs. A pipe is opened a second time, not blocking, through
 * /proc, so that a reader that never reads keeps neither the loop nor the end of the process waiting;
 * the first open stays as the shell made it.
 */

import * as fs from "node:fs";
import * as net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { DarnerError } from "#base/mod.ts";
import { diskError } from "./disk.node.ts";
import type { ByteSink } from "./output-files.ts";

const standardOutputs: ReadonlySet<string> = new Set(["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]);
const readerLookMs = 50;

export async function openNodeSink(path: string, signal: AbortSignal): Promise<ByteSink> {
  const name = path === "-" ? "the standard output" : path;
  try {
    if (!standardOutputs.has(path)) return await openNamed(path, name, signal);
    const stat = fs.fstatSync(1);
    if (stat.isFIFO())
      return await openNamed("/proc/self/fd/1", name, signal).catch(() => new DescriptorSink(1, name, signal));
    return stat.isSocket() ? new StreamSink(process.stdout, name, signal) : new DescriptorSink(1, name, signal);
  } catch (error) {
    throw sinkError(error, name);
  }
}

async function openNamed(path: string, name: string, signal: AbortSignal): Promise<ByteSink> {
  for (;;) {
    try {
      const descriptor = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY);
      if (!fs.fstatSync(descriptor).isFIFO()) return new DescriptorSink(descriptor, name, signal);
      return new StreamSink(new net.Socket({ fd: descriptor, readable: false, writable: true }), name, signal);
    } catch (error) {
      // A named pipe that nobody reads yet.
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
      await delay(readerLookMs, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
  }
}

function sinkError(error: unknown, name: string): DarnerError {
  if (error instanceof DarnerError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== "EPIPE" && code !== "ECONNRESET" && code !== "ERR_STREAM_DESTROYED") {
    return diskError(error, `write to ${name}`);
  }
  return new DarnerError("interrupted", `stopped writing to ${name}: its reader has ended`, {
    facts: { readerGone: true },
    cause: error,
  });
}

class StreamSink implements ByteSink {
  readonly #stream: NodeJS.WritableStream;
  readonly #name: string;
  readonly #signal: AbortSignal;
  #failure: unknown;

  constructor(stream: NodeJS.WritableStream, name: string, signal: AbortSignal) {
    this.#stream = stream;
    this.#name = name;
    this.#signal = signal;
    stream.on("error", (error) => (this.#failure ??= error));
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw sinkError(this.#failure, this.#name);
    await this.#untilEnd((done) => this.#stream.write(bytes, done));
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined || this.#stream === process.stdout) return;
    await this.#untilEnd((done) => this.#stream.end(done));
  }

  /** A reader that does not read keeps no signal waiting. */
  #untilEnd(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const signal = this.#signal;
      const stop = (): void => reject(signal.reason as Error);
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      start((error) => {
        signal.removeEventListener("abort", stop);
        if (error === null || error === undefined) resolve();
        else reject(sinkError(error, this.#name));
      });
    });
  }
}

class DescriptorSink implements ByteSink {
  #descriptor: number;
  readonly #name: string;
  readonly #signal: AbortSignal;

  constructor(descriptor: number, name: string, signal: AbortSignal) {
    this.#descriptor = descriptor;
    this.#name = name;
    this.#signal = signal;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += await this.#writeSome(bytes.subarray(offset));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw sinkError(error, this.#name);
        this.#signal.throwIfAborted();
        await delay(1);
      }
    }
  }

  close(): Promise<void> {
    if (this.#descriptor > 2) fs.closeSync(this.#descriptor);
    this.#descriptor = 1;
    return Promise.resolve();
  }

  #writeSome(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#descriptor, bytes, (error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }
}
