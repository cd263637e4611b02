/**
 * What a process sends to others: the tasks it serves, the children that want them, and the slots and
 * the rate that it spends on them. The order is decided by core/swarm's UploadQueue.
 *
 * Invariants:
 *  1. Only pieces that the store holds are offered or sent, and only to a child whose ticket admits it.
 *  2. At most `slots` pieces are on their way that move, and `acrossSlots` more to other sites; one that
 *     stands still for `stalledMs` gives its slot back, so that peers which never read take nothing from
 *     others. A connection carries one at a time.
 *  3. A child hears something at least every `keepAliveMs`, so that silence means trouble.
 */

import { asDarnerError, assert } from "#base/mod.ts";
import { pieceSpan } from "#core/model/mod.ts";
import type { OpenRequest, ProofOfKey } from "#core/protocol/mod.ts";
import { acrossSlots, mayRepeatWhileFetching, type Child, type MaySend, type Want } from "#core/swarm/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Connection, Gate } from "#platform/sockets/connection.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { logBudget } from "#platform/telemetry/log-budget.ts";
import { keyId, signatureHolds } from "#platform/keys/signing.ts";
import { ChildConnection, type ChildHandlers } from "./child-connection.ts";
import { seenMoving } from "./seen-moving.ts";
import { nameOf, newServing, tellNews, type ServedTask, type Serving, type Target } from "./served-task.ts";

const keepAliveMs = 2_000;
/** News of pieces is gathered this long for children that have something standing here. */
const newsDelayMs = 100;
const connectionsMax = 4096;
const stalledMs = 500;
const stallLookMs = 250;
/** Of one connection. */
const refusalsMax = 16;
const refusalsLoggedPerSecond = 20;

export interface UploadsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limiter: Gate;
  readonly slots: number;
  /** For pieces to other sites; a host's where nothing is said. */
  readonly acrossSlots?: number;
  /** Why this host may not have the task, or null. Called with a proven host only, unless trust is off. */
  readonly refusal: (request: OpenRequest, host: string) => string | null;
  readonly trust: boolean;
}

/** A piece on its way. */
interface Sending {
  readonly connection: Connection;
  /** Where it takes a slot: here, or for other sites. */
  readonly way: "near" | "across";
  movedMs: number;
  /** It takes a slot. */
  counted: boolean;
}

export class Uploads implements ChildHandlers {
  readonly #options: UploadsOptions;
  readonly #tasks = new Map<string, Serving>();
  /** Those with wants, in their turn, and those with news to tell: of many tasks few have any. */
  readonly #wanting = new Set<Serving>();
  readonly #fresh = new Set<Serving>();
  /** Connection -> channel -> the child in its task's queue. */
  readonly #connections = new Map<ChildConnection, Map<number, Child<Target>>>();
  #slots: number;
  readonly #mayLog: () => boolean;
  /** Slots taken. */
  readonly #active = { near: 0, across: 0 };
  readonly #sendings = new Set<Sending>();
  #stallTimer: Timer | undefined;
  #newsTimer: Timer | undefined;
  #heldTimer: Timer | undefined;
  #heldDueMs = Infinity;
  #keepAliveTimer: Timer | undefined;
  #closed = false;
  bytesTotal = 0;

  constructor(options: UploadsOptions) {
    this.#options = options;
    this.#slots = options.slots;
    this.#mayLog = logBudget(options.clock, refusalsLoggedPerSecond);
    this.#keepAlive();
  }

  get active(): number {
    return this.#active.near + this.#active.across;
  }

  get connections(): number {
    return this.#connections.size;
  }

  setSlots(slots: number): void {
    this.#slots = slots;
    this.#pump();
  }

  /** Serves one version of a task from now on. */
  serve(task: ServedTask): void {
    const name = nameOf(task.task, task.generation);
    assert(!this.#tasks.has(name), "a version of a task is served once");
    this.#tasks.set(name, newServing(task));
  }

  /** From now on `intact` is asked before each piece of this version. */
  guard(task: string, generation: string, intact: () => Promise<boolean>): void {
    const serving = this.#tasks.get(nameOf(task, generation));
    if (serving !== undefined) serving.intact = intact;
  }

  #serves(serving: Serving): boolean {
    return this.#tasks.get(nameOf(serving.task, serving.generation)) === serving;
  }

  serves(task: string, generation: string): boolean {
    return this.#tasks.has(nameOf(task, generation));
  }

  /** A piece was stored: children with nothing to wait for hear of it at once, the others soon. */
  pieceStored(task: string, generation: string, index: number): void {
    const serving = this.#tasks.get(nameOf(task, generation));
    if (serving === undefined) return;
    for (const child of serving.queue.gained(index)) tellNews(child);
    this.#fresh.add(serving);
    this.#newsTimer ??= this.#options.clock.after(newsDelayMs, () => this.#tellNews());
  }

  /** Stops serving; children are told to look elsewhere. */
  withdraw(task: string, generation: string, reason: string): void {
    const name = nameOf(task, generation);
    const serving = this.#tasks.get(name);
    if (serving === undefined) return;
    this.#tasks.delete(name);
    this.#wanting.delete(serving);
    this.#fresh.delete(serving);
    for (const { owner } of serving.queue.children) owner.connection.closeChannel(owner.channel, reason);
  }

  /** Whether anybody is being served from this task. */
  inUse(task: string, generation: string): boolean {
    return (this.#tasks.get(nameOf(task, generation))?.queue.children.size ?? 0) > 0;
  }

  /** Bytes sent of this version. */
  bytesOf(task: string, generation: string): number {
    return this.#tasks.get(nameOf(task, generation))?.bytes ?? 0;
  }

  /** A child's connection, upgraded. Returns what its bytes and its end are to be given to. */
  accept(connection: Connection, host: string, nonce: string): { received(bytes: Uint8Array): void; ended(): void } {
    const child = new ChildConnection(connection, host, nonce, this);
    this.#connections.set(child, new Map());
    if (this.#connections.size > connectionsMax || this.#closed) connection.close();
    return { received: (bytes) => child.received(bytes), ended: () => this.#gone(child) };
  }

  /** Resolves when so many bytes may go another way than as a piece; they are counted as sent. */
  async pass(bytes: number): Promise<void> {
    const { limiter } = this.#options;
    while (limiter.blocked) await limiter.ready();
    limiter.charge(bytes);
    this.bytesTotal += bytes;
  }

  /** Ends the connections of these hosts. */
  dropHosts(hosts: ReadonlySet<string>): void {
    for (const { host, connection } of this.#connections.keys()) if (hosts.has(host)) connection.close();
  }

  close(): void {
    this.#closed = true;
    this.#newsTimer?.cancel();
    this.#heldTimer?.cancel();
    this.#stallTimer?.cancel();
    this.#keepAliveTimer?.cancel();
    for (const child of this.#connections.keys()) child.connection.close();
  }

  onProve(child: ChildConnection, proof: ProofOfKey): void {
    child.proven =
      keyId(proof.publicKey) === child.host &&
      signatureHolds(proof.publicKey, "piece-plane", child.nonce, proof.signature);
    if (child.proven) return;
    const reason = "it does not prove the key that its id follows from";
    if (this.#mayLog())
      this.#options.log.warn("peer.refused", { host: child.host, remote: child.connection.remote, reason });
    child.connection.close();
  }

  onOpen(child: ChildConnection, channel: number, request: OpenRequest): void {
    const serving = this.#tasks.get(nameOf(request.task, request.generation));
    const refusal = this.#refusal(child, request);
    if (refusal !== null) return this.#refuse(child, channel, request, refusal);
    if (serving?.store.object === undefined) return child.closeChannel(channel, "this version of the task is not here");
    this.onClose(child, channel);
    child.channels.add(channel);
    this.#connections
      .get(child)
      ?.set(channel, serving.queue.add({ serving, connection: child, channel }, request.across === true));
    child.opened(channel, serving.store.have);
  }

  #refusal(child: ChildConnection, request: OpenRequest): string | null {
    if (this.#options.trust && !child.proven) return "the host has not proved its key";
    return this.#options.refusal(request, child.host);
  }

  /** Says so and logs it; a host that goes on without rights loses its connection. */
  #refuse(child: ChildConnection, channel: number, request: OpenRequest, reason: string): void {
    const { host, connection } = child;
    if (this.#mayLog())
      this.#options.log.warn("peer.refused", { host, remote: connection.remote, task: request.task, reason });
    child.closeChannel(channel, reason);
    if (++child.refusals >= refusalsMax) connection.close();
  }

  onWant(child: ChildConnection, channel: number, indices: readonly number[]): void {
    const target = this.#connections.get(child)?.get(channel);
    if (target === undefined) return;
    const { store, queue } = target.owner.serving;
    const ours = indices.filter((index) => store.have.has(index));
    const others = indices.filter((index) => !store.have.has(index));
    child.cancelled(channel, [...others, ...queue.want(target, ours)]);
    this.#wanting.add(target.owner.serving);
    this.#pump();
  }

  onCancel(child: ChildConnection, channel: number, indices: readonly number[]): void {
    const target = this.#connections.get(child)?.get(channel);
    if (target === undefined) return;
    const nowMs = this.#options.clock.nowMs();
    child.cancelled(channel, target.owner.serving.queue.cancel(target, indices, nowMs));
  }

  onClose(child: ChildConnection, channel: number): void {
    const channels = this.#connections.get(child);
    const target = channels?.get(channel);
    child.channels.delete(channel);
    if (target === undefined) return;
    channels?.delete(channel);
    target.owner.serving.queue.remove(target);
  }

  #gone(child: ChildConnection): void {
    for (const channel of this.#connections.get(child)?.keys() ?? []) this.onClose(child, channel);
    this.#connections.delete(child);
  }

  #tellNews(): void {
    this.#newsTimer = undefined;
    for (const serving of this.#fresh) for (const child of serving.queue.children) tellNews(child);
    this.#fresh.clear();
  }

  #keepAlive(): void {
    this.#keepAliveTimer = this.#options.clock.after(
      keepAliveMs,
      () => {
        for (const serving of this.#tasks.values()) {
          for (const { owner } of serving.queue.children)
            if (owner.connection.sending === undefined) owner.connection.have(owner.channel, []);
        }
        this.#keepAlive();
      },
      { background: true },
    );
  }

  #pump(): void {
    while (!this.#closed) {
      const sending = this.#next();
      if (sending === undefined) return;
      const { serving, want } = sending;
      const { connection } = want.child.owner.connection;
      const way = want.child.across ? "across" : "near";
      const piece: Sending = { connection, way, movedMs: this.#options.clock.nowMs(), counted: true };
      const isRepeat = want.repeat && way === "near";
      this.#active[way]++;
      this.#sendings.add(piece);
      this.#stallTimer ??= this.#options.clock.after(stallLookMs, () => this.#freeStalled(), { background: true });
      if (isRepeat) serving.repeats++;
      void this.#send(serving, want, piece).finally(() => {
        this.#sendings.delete(piece);
        if (piece.counted) this.#active[way]--;
        if (isRepeat) serving.repeats--;
        if (this.#serves(serving)) this.#wanting.add(serving);
        this.#pump();
      });
    }
  }

  /** What does not move takes no slot any more; the sender gives it up in its own time. */
  #freeStalled(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const piece of this.#sendings) {
      // Bytes that wait in the connection wait for their reader, not for our disk or our limit.
      const stands = nowMs - piece.movedMs >= stalledMs && piece.connection.queuedBytes > 0;
      if (!piece.counted || !stands) continue;
      piece.counted = false;
      this.#active[piece.way]--;
    }
    this.#stallTimer =
      this.active === 0
        ? undefined
        : this.#options.clock.after(stallLookMs, () => this.#freeStalled(), { background: true });
    this.#pump();
  }

  /** One piece of the next task in turn that has a want. */
  #next(): { serving: Serving; want: Want<Target> } | undefined {
    const near = this.#active.near < this.#slots;
    const across = this.#active.across < (this.#options.acrossSlots ?? acrossSlots.host);
    if (!near && !across) return undefined;
    let heldUntilMs = Infinity;
    for (const serving of this.#wanting) {
      if (serving.queue.idle) {
        this.#wanting.delete(serving);
        continue;
      }
      const want = serving.queue.next(this.#options.clock.nowMs(), {
        ...this.#whileFetching(serving),
        near,
        across,
      });
      heldUntilMs = Math.min(heldUntilMs, serving.queue.heldUntilMs ?? Infinity);
      if (want === undefined) continue;
      // To the back of the line: tasks take turns.
      this.#wanting.delete(serving);
      this.#wanting.add(serving);
      return { serving, want };
    }
    if (heldUntilMs < Infinity) this.#pumpAt(heldUntilMs);
    return undefined;
  }

  /** Something is held back until then. */
  #pumpAt(dueMs: number): void {
    if (dueMs >= this.#heldDueMs) return;
    this.#heldDueMs = dueMs;
    this.#heldTimer?.cancel();
    this.#heldTimer = this.#options.clock.after(Math.ceil(dueMs - this.#options.clock.nowMs()), () => {
      this.#heldDueMs = Infinity;
      this.#pump();
    });
  }

  #whileFetching(serving: Serving): MaySend {
    if (serving.growing?.() !== true) return {};
    return { fetching: true, repeat: mayRepeatWhileFetching(serving.repeats, this.#slots) };
  }

  async #send(serving: Serving, want: Want<Target>, piece: Sending): Promise<void> {
    const { connection: child, channel } = want.child.owner;
    if (serving.intact !== undefined && !(await serving.intact().catch(() => false)))
      return this.withdraw(serving.task, serving.generation, "the file has changed");
    const { object, lengthBytes, content } = serving.store;
    // Another task's piece may be on this connection: they go one behind the other.
    while (child.sending !== undefined) await child.sending;
    // Its files may be closed by now, and a piece that breaks off takes the connection with it.
    if (!this.#serves(serving)) return;
    if (child.connection.closed || !serving.store.have.has(want.index)) {
      serving.queue.sent(want);
      return child.cancelled(channel, [want.index]);
    }
    assert(object !== undefined, "a served object has begun");
    const span = pieceSpan(want.index, lengthBytes ?? Infinity, object.pieceBytes);
    const count = span.end - span.start;
    try {
      const head = ChildConnection.pieceHead(channel, want.index, count);
      const gate = seenMoving(this.#options.limiter, () => (piece.movedMs = this.#options.clock.nowMs()));
      const sending = child.connection.sendFile(head, content, span.start, count, gate);
      serving.store.lend(sending);
      child.sending = sending.catch(() => undefined);
      await sending;
      serving.bytes += count;
      this.bytesTotal += count;
    } catch (error) {
      const known = asDarnerError(error);
      // The stream is cut in the middle of a frame: only a new connection can go on.
      child.connection.close();
      if (known.code.startsWith("disk.")) {
        if (serving.onUnreadable !== undefined) serving.onUnreadable(want.index);
        else this.withdraw(serving.task, serving.generation, known.message);
      }
      this.#options.log.debug("upload.failed", { task: serving.task, child: child.host, code: known.code });
    } finally {
      child.sending = undefined;
      serving.queue.sent(want);
    }
  }
}
