/**
 * One object on this host: asked of the manager, taken from its swarm, or from the origin when the
 * swarm cannot help, into one piece file; served to peers from the first piece on.
 *
 * Invariants:
 *  1. `run` settles: with the whole, or with an error, and no wait in it is without a bound.
 *  2. The origin is asked by this host only if allowed, and only after the manager has been away for
 *     the time set plus a random share of it (or has said that it cannot help), at this host's share
 *     of the origin budget.
 *  3. A withdrawn generation is dropped before anything of the next is stored.
  4. Only pieces that somebody wishes for are got from the swarm; whoever wishes first says where the
     manager begins.
 */

import { asDarnerError, bytesEqual, DarnerError, errorFromWire } from "#base/mod.ts";
import type { Wish } from "#core/download/mod.ts";
import type { BytesBySource, ManagerMessage, RecalledManifest, TaskAsk } from "#core/protocol/mod.ts";
import type { Timer } from "#platform/machine/clock.ts";
import type { EndRecord, PieceFile } from "#storage/pieces/mod.ts";
import { Limiter, Manifest, Sealing, shown, SwarmTransfer, type ListedLines, type OriginFetch } from "#transfer/mod.ts";
import { forgetAnothers, markAsker } from "./asker.ts";
import { backToSource } from "./back-to-source.ts";
import { putBeside, type BesideOutput } from "./beside.ts";
import { Confirmation } from "./confirmation.ts";
import type { HostTaskOptions } from "./host-task-options.ts";
import { assertVouched, keyToTrust } from "./manifest-trust.ts";
import type { TaskListener } from "../cluster/mod.ts";
import { objectRecordOf, theManagerHasIt } from "./object-record.ts";
import { isOfTheObject, judgeWaiting, watchAfterMs, whyNoMore, unreachableManagers } from "./patience.ts";
import { Readers } from "./readers.ts";
import { takeSeal, type HeadMessage } from "./sealed-head.ts";
import { TaskReports, type ReportSource } from "./task-reports.ts";

export class HostTask implements TaskListener {
  readonly task: string;
  readonly ask: TaskAsk;
  readonly store: PieceFile;
  /** The key of a sealed object. */
  readonly sealing: Sealing;
  readonly #options: HostTaskOptions;
  readonly #abort = new AbortController();
  #manifest: Manifest | undefined;
  #transfer: SwarmTransfer | undefined;
  #ticket: string | undefined;
  /** Messages are worked off one by one: some need the disk. */
  #messages: Promise<void> = Promise.resolve();
  #originFetch: OriginFetch | undefined;
  #settle: { resolve(end: EndRecord): void; reject(error: unknown): void } | undefined;
  #phase: "swarm" | "origin" | "over" = "swarm";
  #watch: Timer | undefined;
  #reports: TaskReports | undefined;
  #heardMs: number;
  #fallbackJitter: number;
  readonly #confirmation = new Confirmation();
  /** This task's own rate, within the host's. */
  readonly #limiter: Limiter;
  readonly bytes: { origin: number; peers: number; local: number } & BytesBySource = { origin: 0, peers: 0, local: 0 };
  /** What of it is wanted, and who waits for it. */
  readonly readers: Readers;
  /** Those that are not the store, and are written as pieces come. */
  readonly outputs = new Set<BesideOutput>();
  whole = false;

  constructor(options: HostTaskOptions) {
    this.#options = options;
    this.task = options.task;
    this.ask = options.ask;
    this.store = options.store;
    this.#heardMs = options.clock.nowMs();
    this.sealing = new Sealing(options.task, { onBroken: (message) => options.log.warn("seal.broken", { message }) });
    this.#fallbackJitter = options.random.unit();
    this.#limiter = new Limiter(options.clock, options.rateBytesPerSecond ?? Infinity);
    this.readers = new Readers(options.store);
  }

  get lengthBytes(): number | undefined {
    return this.store.clearLengthBytes;
  }

  /** When bytes of it last came, or the manager said that it waits for some. */
  get heardMs(): number {
    return Math.max(this.#heardMs, this.#transfer?.lastProgressMs ?? 0);
  }

  get generation(): string | undefined {
    return this.store.object?.generation;
  }

  /** Resolves when the object is whole and proved. */
  async run(): Promise<EndRecord> {
    const { manager, mode } = this.#options;
    const finished = new Promise<EndRecord>((resolve, reject) => (this.#settle = { resolve, reject }));
    if (mode === "source") this.#goToOrigin("the mode is source");
    else if (manager === undefined)
      this.#goToOrigin("no manager is configured; name one with --manager to share with other hosts");
    else {
      manager.ask(this);
      this.#watchProgress();
      this.#reports = new TaskReports(this.#options.clock, manager, this.#reportSource());
    }
    try {
      const end = await finished;
      this.whole = true;
      this.readers.version ??= {};
      return end;
    } catch (error) {
      this.readers.failure = asDarnerError(error);
      throw error;
    } finally {
      this.readers.wake();
      this.#end();
    }
  }

  #end(): void {
    this.#phase = "over";
    this.#watch?.cancel();
    this.#reports?.stop();
    this.#transfer?.stop();
  }

  /** Somebody wants a part of it, until `unwish`. */
  wish(wish: Wish): void {
    if (!this.readers.interest.add(wish)) return;
    this.#transfer?.rewant();
    if (wish.start === 0) return;
    if (this.#phase === "swarm") this.#options.manager?.seek(this.task, wish.start);
    this.#originFetch?.seek(wish.start);
  }

  unwish(wish: Wish): void {
    if (this.readers.interest.delete(wish)) this.#transfer?.rewant();
  }

  /** Whether the manager still gives this generation. False also when it does not say within `waitMs`. */
  confirm(waitMs: number): Promise<boolean> {
    return this.#confirmation.ask(this, this.#options, waitMs);
  }

  /** Stops getting and serving it; `run` rejects if it still runs. Its store is the caller's to close. */
  stop(error: DarnerError): void {
    this.#abort.abort(error);
    this.#settle?.reject(error);
    this.#end();
    this.readers.cut(error);
    this.#withdraw("the host no longer has it");
    this.#options.manager?.leave(this.task, this.generation ?? "");
  }

  /** Whether it may be kept for a while though it is not whole: nothing is fetched that nobody wants. */
  get mayLinger(): boolean {
    return this.#phase === "swarm" && this.readers.met;
  }

  seeks(): readonly number[] {
    return this.readers.interest.starts();
  }

  holds(): { readonly generation: string; readonly pieces: string } | undefined {
    const { object, have } = this.store;
    if (object === undefined || this.#phase === "origin") return undefined;
    return { generation: object.generation, pieces: Buffer.from(have.toBytes()).toString("base64") };
  }

  recalled(generation: string): RecalledManifest | undefined {
    if (this.#manifest?.head.generation !== generation) return undefined;
    return { ...this.#manifest.recalled(), sealSecret: this.sealing.secret };
  }

  heard(message: Parameters<TaskListener["heard"]>[0], managerKey: string | undefined): void {
    if (message.kind === "filling") return this.#fills();
    const work = this.#messages.then(() => this.#handle(message, managerKey));
    this.#messages = work.catch((error: unknown) => this.#fail(error));
  }

  /** The manager fills a piece. That is a comfort only while there is nothing to get that is wanted. */
  #fills(): void {
    const lacks = this.readers.lacks((index) => this.#manifest?.digestOf(index) !== undefined);
    if (!lacks) this.#heardMs = this.#options.clock.nowMs();
  }

  async #handle(message: ManagerMessage, managerKey: string | undefined): Promise<void> {
    if (message.kind === "head") {
      this.#confirmation.heard(message.head.generation);
      if (this.#phase === "swarm") await this.#begin(message, managerKey);
      return;
    }
    if (message.kind === "failed") {
      this.#confirmation.heard("");
      if (this.#phase === "swarm") this.#managerFailed(errorFromWire(message.error));
      return;
    }
    if (this.#phase !== "swarm" || !("generation" in message) || message.generation !== this.#manifest?.head.generation)
      return;
    switch (message.kind) {
      case "listed":
        return this.#listed(message);
      case "ended":
        assertVouched(this.#options, this.#manifest.finish(message));
        return this.#transfer?.ended();
      case "parents": {
        this.#ticket = message.ticket ?? this.#ticket;
        const offers = message.parents.filter(({ seed }) => seed || this.#options.mode !== "cdn");
        return this.#transfer?.parents(offers, message.entry);
      }
      case "withdrawn":
        this.#options.onWay("the manager withdrew this version: the object changed or failed its proof");
        return this.#dropManifest();
      default:
    }
  }

  async #begin(message: HeadMessage, managerKey: string | undefined): Promise<void> {
    const key = keyToTrust(this.#options, managerKey);
    const { head } = message;
    this.#ticket = message.ticket;
    takeSeal(message, this.sealing, this.#options.mayLieSealed);
    if (this.#manifest?.head.generation === head.generation) return this.#manifest.restart(head, key);
    this.#dropManifest();
    if (head.lengthBytes !== undefined) await this.#options.reserve(head.lengthBytes);
    if (this.store.object?.generation !== head.generation) {
      await this.store.begin(objectRecordOf(head));
      markAsker(this.store, this.ask);
    }
    this.bytes.local = this.store.heldBytes;
    if (this.#phase !== "swarm") return;
    this.#manifest = new Manifest(head, key);
    this.readers.version = {};
    this.#transfer = this.#newTransfer(this.#manifest);
    const { uploads, mode, onUnreadable } = this.#options;
    if (mode === "p2p") uploads.serve({ ...head, store: this.store, onUnreadable });
    this.#options.onWay(theManagerHasIt(this.bytes.local));
    this.#progressed();
  }

  #newTransfer(manifest: Manifest): SwarmTransfer {
    const { log, uploads } = this.#options;
    const { generation } = manifest.head;
    return new SwarmTransfer({
      ...this.#options,
      manifest,
      interest: this.readers.interest.ofPieces(this.store.clearPieceBytes ?? manifest.head.pieceBytes),
      ticket: () => this.#ticket,
      limiter: this.#limiter,
      onPut: (index, bytes) => putBeside(this, index, bytes),
      onStored: (index, bytes) => {
        this.bytes.peers += bytes;
        this.#reports?.gained(index);
        uploads.pieceStored(this.task, generation, index);
        this.#progressed();
      },
      onAccuse: (parent, piece) => {
        log.warn("peer.wrong-bytes", { task: this.task, parent, piece });
        this.#options.manager?.send({ kind: "accuse", task: this.task, generation, parent, piece });
      },
      onFinished: () => void this.#finish(manifest),
      onFailed: (error) => this.#fail(error),
    });
  }

  #listed(lines: ListedLines): void {
    const manifest = this.#manifest;
    if (manifest === undefined) return;
    assertVouched(this.#options, manifest.list(lines));
    for (const index of lines.indices) {
      const held = this.store.digestOf(index);
      if (held !== undefined && !bytesEqual(held, manifest.digestOf(index)!)) this.spoiled(index);
    }
    this.#transfer?.listed(lines.indices);
  }

  /** A piece that it has is not what it should be: it is got again. Of closed files nobody can tell. */
  spoiled(index: number): void {
    if (this.#abort.signal.aborted) return;
    this.#options.log.warn("piece.spoiled", { task: this.task, piece: index });
    this.store.drop(index);
    this.#transfer?.forget(index);
  }

  async #finish(manifest: Manifest): Promise<void> {
    try {
      const { end } = manifest;
      if (end === undefined) throw new DarnerError("internal", "cannot finish: the manifest has not ended");
      const record = await this.store.finish(end.lengthBytes, end.digests);
      this.#reports?.seeding();
      this.#settle?.resolve(record);
    } catch (error) {
      this.#fail(error);
    }
  }

  #reportSource(): ReportSource {
    return {
      task: this.task,
      generation: () => this.#manifest?.head.generation,
      transfer: () => this.#transfer,
      heldPieces: () => this.store.have.count,
      receivedBytes: () => this.bytes.peers,
    };
  }

  #progressed(): void {
    this.readers.wake();
    this.#options.onProgress();
  }

  #dropManifest(): void {
    this.readers.version = undefined;
    this.#withdraw("a newer version took its place");
    this.#transfer?.stop();
    this.#transfer = undefined;
    this.#manifest = undefined;
    this.#reports?.forget();
  }

  #withdraw(reason: string): void {
    const generation = this.#manifest?.head.generation;
    if (generation !== undefined) this.#options.uploads.withdraw(this.task, generation, reason);
  }

  #managerFailed(error: DarnerError): void {
    if (isOfTheObject(error) || !this.#options.backToSource) return this.#fail(error);
    this.#goToOrigin(`the manager cannot help: ${error.message}`);
  }

  #fail(error: unknown): void {
    this.#settle?.reject(asDarnerError(error));
  }

  #watchProgress(): void {
    this.#watch = this.#options.clock.after(watchAfterMs(this.#options.settings()), () => {
      this.#judgeWaiting();
      if (this.#phase === "swarm") this.#watchProgress();
    });
  }

  #judgeWaiting(): void {
    const { clock, manager, settings, backToSource } = this.#options;
    const verdict = judgeWaiting({
      ...settings(),
      nowMs: clock.nowMs(),
      managerAwaySinceMs: manager?.awaySinceMs,
      // Who has all that is wanted waits for nobody.
      progressMs: this.readers.met ? clock.nowMs() : this.heardMs,
      hadSwarm: this.#manifest !== undefined,
      jitter: this.#fallbackJitter,
    });
    if (verdict.kind === "wait") return;
    const why = whyNoMore(verdict, manager?.trouble);
    if (backToSource) return this.#goToOrigin(why);
    if (verdict.kind === "alone") return this.#fail(unreachableManagers(manager?.directory));
    this.#fail(new DarnerError("cluster.stalled", `cannot go on with ${shown(this.ask.url)}: ${why}`));
  }

  #goToOrigin(reason: string): void {
    if (this.#phase !== "swarm") return;
    if (!this.#options.backToSource && this.#options.mode !== "source")
      return this.#fail(unreachableManagers(this.#options.manager?.directory));
    this.#phase = "origin";
    this.#options.onWay(`from the origin: ${reason}`, this.#options.mode !== "source");
    this.#options.log.info("task.back-to-source", { task: this.task, reason });
    this.#transfer?.stop();
    void this.#messages
      .then(() => forgetAnothers(this.store, this.ask))
      .then(() => this.#fetchFromOrigin())
      .then((end) => this.#settle?.resolve(end))
      .catch((error: unknown) => this.#settle?.reject(error));
  }

  #fetchFromOrigin(): Promise<EndRecord> {
    const { clock, uploads } = this.#options;
    const { task, ask, store, generation } = this;
    this.bytes.local = store.heldBytes - this.bytes.peers;
    this.#originFetch = backToSource({
      ...this.#options,
      ownLimiter: this.#limiter,
      sealing: this.sealing,
      partsOnly: this.readers.interest.partsOnly,
      signal: this.#abort.signal,
      onBegun: () => {
        this.#withdraw("the host got another version from the origin");
        markAsker(store, ask);
        this.bytes.local = 0;
        this.readers.version = {};
      },
      onPiece: (index) => {
        if (generation !== undefined) uploads.pieceStored(task, generation, index);
        this.#progressed();
      },
      onBytes: (count) => {
        this.bytes.origin += count;
        this.#heardMs = clock.nowMs();
        // Ranges are asked for on condition: what is held is of the version that comes.
        this.readers.version ??= {};
      },
    });
    for (const start of this.seeks()) this.#originFetch.seek(start);
    return this.#originFetch.run();
  }
}
