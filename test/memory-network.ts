/**
 * Connections between processes of one test, without sockets: bytes arrive later, in order, cut
 * anywhere. What a dialled side reads goes into its sink as the real connection does it.
 */

import { DarnerError } from "#base/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type {
  Connection,
  ConnectionHandlers,
  Dialled,
  Dialler,
  DialOptions,
  ReadSink,
} from "#platform/sockets/connection.ts";
import type { DiskFile } from "#platform/files/disk.ts";

type Receive = (bytes: Uint8Array) => void;

export interface Accepting {
  /** Headers of the answer, and what the new connection's bytes and end are given to. */
  accept(
    connection: MemoryConnection,
    options: DialOptions,
  ): {
    readonly headers: Readonly<Record<string, string>>;
    received: Receive;
    ended: () => void;
  };
}

export class MemoryConnection implements Connection {
  readonly remote: string;
  closed = false;
  readonly queuedBytes = 0;
  roundTripMs: number | undefined;
  /** All that was ever sent, for a test to look at. */
  readonly sent: Uint8Array[] = [];
  /** Nothing arrives any more, and nobody is told. */
  silent = false;
  /** May spoil what is sent of a file. */
  spoil: (bytes: Uint8Array) => void = () => undefined;
  peer: MemoryConnection | undefined;
  receive: Receive = () => undefined;
  onClose: (reason: string) => void = () => undefined;
  readonly #clock: Clock;
  readonly #cut: (bytes: number) => number;
  #paused = false;
  #waiting: Uint8Array[] = [];
  #deferred: Uint8Array[] | undefined;

  constructor(clock: Clock, remote: string, cut: (bytes: number) => number) {
    this.#clock = clock;
    this.remote = remote;
    this.#cut = cut;
  }

  send(bytes: Uint8Array): void {
    if (this.closed) return;
    if (this.#deferred !== undefined) return void this.#deferred.push(bytes);
    this.sent.push(bytes.slice());
    for (let offset = 0; offset < bytes.length;) {
      const step = Math.max(1, Math.min(bytes.length - offset, this.#cut(bytes.length - offset)));
      const part = bytes.slice(offset, offset + step);
      this.#clock.after(1, () => this.peer?.arrived(part));
      offset += step;
    }
  }

  async sendFile(head: Uint8Array, file: DiskFile, position: number, count: number): Promise<void> {
    const bytes = new Uint8Array(count);
    const read = await file.read(bytes, position);
    if (read < count) throw new DarnerError("disk.failed", `cannot send ${file.name}: it is shorter`);
    if (this.closed) throw new DarnerError("network.broken", "cannot send: the connection is closed");
    this.spoil(bytes);
    this.send(head);
    this.send(bytes);
    this.#deferred = [];
    await new Promise<void>((resolve) => this.#clock.after(2, resolve));
    const deferred = this.#deferred;
    this.#deferred = undefined;
    for (const waiting of deferred) this.send(waiting);
    if (this.closed) throw new DarnerError("network.broken", "cannot send: the connection is closed");
  }

  arrived(bytes: Uint8Array): void {
    if (this.closed || this.silent) return;
    if (this.#paused) this.#waiting.push(bytes);
    else this.receive(bytes);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.arrived(bytes);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#clock.after(0, () => this.onClose("closed"));
    this.#clock.after(1, () => {
      if (this.silent || this.peer?.silent === true) return;
      this.peer?.close();
    });
  }
}

export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #cut: (bytes: number) => number;
  readonly #listening = new Map<string, Accepting>();
  /** Every connection's accepting side, in the order they were made. */
  readonly accepted: MemoryConnection[] = [];

  /** `cut` says how many of so many bytes arrive together. */
  constructor(clock: Clock, cut: (bytes: number) => number = (bytes) => bytes) {
    this.#clock = clock;
    this.#cut = cut;
  }

  listen(host: string, accepting: Accepting): void {
    this.#listening.set(host, accepting);
  }

  get dialler(): Dialler {
    return { dial: (options, handlers, sink) => this.#dial(options, handlers, sink) };
  }

  async #dial(options: DialOptions, handlers: ConnectionHandlers, sink?: ReadSink): Promise<Dialled> {
    await new Promise<void>((resolve) => this.#clock.after(1, resolve));
    const accepting = this.#listening.get(options.host);
    if (accepting === undefined) throw new DarnerError("network.refused", `cannot connect to ${options.host}`);
    const near = new MemoryConnection(this.#clock, options.host, this.#cut);
    const far = new MemoryConnection(this.#clock, "child", this.#cut);
    near.peer = far;
    far.peer = near;
    near.receive = sink === undefined ? (bytes) => handlers.onBytes?.(bytes) : (bytes) => pour(bytes, sink);
    near.onClose = (reason) => handlers.onClose(reason);
    const accepted = accepting.accept(far, options);
    far.receive = (bytes) => accepted.received(bytes);
    far.onClose = () => accepted.ended();
    this.accepted.push(far);
    return { connection: near, member: undefined, headers: accepted.headers };
  }
}

/** As `onread` does: the next buffer is filled as far as there are bytes. */
export function pour(bytes: Uint8Array, sink: ReadSink): void {
  for (let offset = 0; offset < bytes.length;) {
    const buffer = sink.nextBuffer();
    if (buffer.length === 0) throw new Error("a sink's buffer is never empty");
    const count = Math.min(buffer.length, bytes.length - offset);
    buffer.set(bytes.subarray(offset, offset + count));
    offset += count;
    sink.filled(count);
  }
}
