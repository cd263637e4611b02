/**
 * The descriptor inbox over a unix socket and the native port.
 *
 *  1. Descriptors of a user who is not allowed, of a malformed or repeated message, or beyond the
 *     bounds are closed at once; those that nobody takes, after `keepMs`.
 *  2. At most `pendingMax` tokens wait, and as many connections are open.
 *  3. Only the token's message is answered, with one byte, and only once its descriptors are kept.
 *
 * A socket of a server with `pauseOnConnect` is not read by Node, which would lose the descriptors.
 * The price: Node does not watch it either, so neither bytes nor the peer's end are ever told, not
 * even 'close'; hence the look every few milliseconds and the deadline. Nothing here may start the
 * reading (`resume`, 'data', 'readable', pipe) or end the socket gently, since the end it would wait
 * for is never read: write, then destroy.
 */

import * as net from "node:net";
import { type DescriptorInbox, type HandedDescriptors, tokenBytesMax } from "./descriptor-inbox.ts";
import { listenOn } from "./listen.node.ts";
import type { Native } from "../native/calls.ts";
import { closeDescriptor } from "../native/descriptors.node.ts";

export interface InboxLimits {
  /** A descriptor that is handed over is asked for at once, or never. */
  readonly keepMs: number;
  readonly pendingMax: number;
  readonly messageTimeoutMs: number;
}

export const inboxLimits: InboxLimits = { keepMs: 10_000, pendingMax: 64, messageTimeoutMs: 5000 };

export interface InboxOptions {
  readonly path: string;
  /** Of the socket's file. */
  readonly permissions?: number;
  readonly mayHandOver: (uid: number) => boolean;
}

/** Throws `port.taken` or `listen.failed`. Without the native port nothing listens; clients choose the other way. */
export async function openDescriptorInbox(
  native: Native,
  options: InboxOptions,
  limits: InboxLimits = inboxLimits,
): Promise<DescriptorInbox> {
  const inbox = new NodeDescriptorInbox(native, options, limits);
  if (native.available) await inbox.listen();
  return inbox;
}

interface Pending extends HandedDescriptors {
  readonly expiry: NodeJS.Timeout;
}

/** A look is one system call; the message is nearly always there at the first. */
const lookMsMin = 1;
const lookMsMax = 32;
const kept = Uint8Array.of(1);

class NodeDescriptorInbox implements DescriptorInbox {
  readonly #native: Native;
  readonly #options: InboxOptions;
  readonly #limits: InboxLimits;
  readonly #server: net.Server;
  readonly #pending = new Map<string, Pending>();
  readonly #connections = new Set<net.Socket>();

  constructor(native: Native, options: InboxOptions, limits: InboxLimits) {
    this.#native = native;
    this.#options = options;
    this.#limits = limits;
    this.#server = net.createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = limits.pendingMax;
  }

  async listen(): Promise<void> {
    const { path, permissions = 0o600 } = this.#options;
    await listenOn(this.#server, { kind: "unix", path, permissions });
    // Too many open files, for instance: this client chooses the other way.
    this.#server.on("error", () => {});
  }

  take(token: string): HandedDescriptors | undefined {
    const found = this.#pending.get(token);
    if (found === undefined) return undefined;
    this.#pending.delete(token);
    clearTimeout(found.expiry);
    return { descriptors: found.descriptors, uid: found.uid };
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    for (const token of this.#pending.keys()) this.#drop(token);
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: net.Socket): void {
    socket.on("error", () => {});
    const uid = this.#native.peerCredentials(socket)?.uid;
    if (uid === undefined || !this.#options.mayHandOver(uid)) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
    this.#look(socket, uid, performance.now() + this.#limits.messageTimeoutMs, lookMsMin);
  }

  #look(socket: net.Socket, uid: number, deadlineMs: number, nextMs: number): void {
    if (socket.destroyed) return;
    const found = this.#native.receiveDescriptors(socket, tokenBytesMax + 1);
    if (found.kind === "again" && performance.now() < deadlineMs) {
      setTimeout(() => this.#look(socket, uid, deadlineMs, Math.min(2 * nextMs, lookMsMax)), nextMs);
    } else if (found.kind === "received" && this.#keep(found.bytes, found.descriptors, uid)) {
      socket.write(kept, () => socket.destroy());
    } else {
      socket.destroy();
    }
  }

  #keep(bytes: Uint8Array, descriptors: number[], uid: number): boolean {
    const token = Buffer.from(bytes).toString("latin1");
    const fits = bytes.length <= tokenBytesMax && descriptors.length > 0;
    if (!fits || this.#pending.has(token) || this.#pending.size >= this.#limits.pendingMax) {
      for (const descriptor of descriptors) closeDescriptor(descriptor);
      return false;
    }
    const expiry = setTimeout(() => this.#drop(token), this.#limits.keepMs);
    this.#pending.set(token, { descriptors, uid, expiry: expiry.unref() });
    return true;
  }

  #drop(token: string): void {
    for (const descriptor of this.take(token)?.descriptors ?? []) closeDescriptor(descriptor);
  }
}
