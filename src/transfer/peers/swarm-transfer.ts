/**
 * One object from its swarm into a piece file: carries out what core/download decides.
 *
 * Every piece is hashed against the manifest before it is stored; what does not match is never
 * written. Stored pieces are told to `onStored`, so that this host serves them on.
 */

import { Bitfield, bytesEqual } from "#base/mod.ts";
import {
  inboundPiecesMax,
  SwarmDownload,
  type DownloadEffect,
  type DownloadEvent,
  type PieceInterest,
} from "#core/download/mod.ts";
import { pieceCount } from "#core/model/mod.ts";
import type { EntryShare, ParentOffer } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import { sha256 } from "#platform/keys/digest.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import type { Limiter } from "../limits/mod.ts";
import type { Manifest } from "../manifest/mod.ts";
import type { ParentConnection } from "./parent-connection.ts";
import type { ParentPool } from "./parent-pool.ts";

const tickMs = 200;
/** Buffers that are kept for the next pieces: a new one is zeroed, and its memory makes the collector run. */
const spareBytesMax = 32 * 1024 * 1024;
const sparePiecesMin = 4;
/** Where nobody knows the length, a peer's claim to a piece beyond this costs memory and is not believed. */
const piecesMax = 2 ** 24;

export interface SwarmTransferOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly pool: ParentPool;
  readonly manifest: Manifest;
  readonly store: PieceFile;
  readonly ticket: () => string | undefined;
  /** Which pieces are wanted, and which next; without it all, in no order. */
  readonly interest?: PieceInterest;
  /** This task's own rate, beside the host's. */
  readonly limiter: Limiter;
  /** Its bytes are stored, and may be used until this resolves. */
  onPut?(index: number, bytes: Uint8Array): Promise<void>;
  /** Some of a piece came. */
  onBytes?(): void;
  onStored(index: number, bytes: number, fromSeed: boolean): void;
  onAccuse(parent: string, index: number): void;
  /** Every piece is stored and the manifest has ended. */
  onFinished(): void;
  onFailed(error: unknown): void;
}

interface Channel {
  readonly connection: ParentConnection;
  readonly channel: number;
}

export class SwarmTransfer {
  readonly #options: SwarmTransferOptions;
  readonly #brain: SwarmDownload;
  readonly #channels = new Map<string, Channel>();
  readonly #seeds = new Set<string>();
  /** Parents in other sites, now or before. */
  readonly #across = new Set<string>();
  readonly #spare: Uint8Array[] = [];
  #timer: Timer | undefined;
  #over = false;
  #storing = 0;
  /** Pieces that came from other sites, wrong ones included. */
  crossedBytes = 0;
  /** When bytes of a piece last came. */
  lastProgressMs: number;

  constructor(options: SwarmTransferOptions) {
    this.#options = options;
    const held = options.store.have.clone();
    const interest = options.interest === undefined ? {} : { interest: options.interest };
    const inboundMax = inboundPiecesMax(options.manifest.head.pieceBytes);
    this.#brain = new SwarmDownload({ held, inboundMax, unit: () => options.random.unit(), ...interest });
    this.lastProgressMs = options.clock.nowMs();
    this.#tick();
  }

  get starving(): boolean {
    return this.#brain.starving;
  }

  get crossing(): boolean {
    return this.#brain.crossing;
  }

  get openParents(): number {
    return this.#brain.openParents;
  }

  get duplicates(): number {
    return this.#brain.duplicates;
  }

  listed(indices: readonly number[]): void {
    this.#step({ kind: "listed", indices });
  }

  /** A piece thought to be held is not the one in the manifest. */
  forget(index: number): void {
    this.#brain.forget(index);
  }

  /** Other pieces are wanted than before. */
  rewant(): void {
    this.#step({ kind: "interest" });
  }

  ended(): void {
    const { manifest } = this.#options;
    this.#step({ kind: "ended", pieces: pieceCount(manifest.lengthBytes ?? 0, manifest.head.pieceBytes) });
    this.#finishIfDone();
  }

  parents(offers: readonly ParentOffer[], entry?: EntryShare): void {
    for (const offer of offers) {
      if (offer.seed) this.#seeds.add(offer.id);
      if (offer.across === true) this.#across.add(offer.id);
    }
    this.#step({ kind: "parents", offers, entry });
  }

  /** Leaves every parent; nothing is told afterwards. */
  stop(): void {
    this.#over = true;
    this.#timer?.cancel();
    // Whoever serves the object keeps this for long.
    this.#spare.length = 0;
    const nowMs = this.#options.clock.nowMs();
    for (const { connection, channel } of this.#channels.values()) connection.leave(channel, nowMs);
    this.#channels.clear();
  }

  #tick(): void {
    this.#timer = this.#options.clock.after(tickMs, () => {
      this.#step({ kind: "tick" });
      if (!this.#over) this.#tick();
    });
  }

  #step(event: DownloadEvent): void {
    if (this.#over) return;
    for (const effect of this.#brain.step(event, this.#options.clock.nowMs())) this.#carryOut(effect);
  }

  #carryOut(effect: DownloadEffect): void {
    switch (effect.kind) {
      case "dial":
        void this.#dial(effect.offer);
        return;
      case "hang-up": {
        const channel = this.#channels.get(effect.parent);
        this.#channels.delete(effect.parent);
        this.#options.log.debug("parent.left", { parent: effect.parent, reason: effect.reason });
        if (effect.sever) channel?.connection.close();
        else channel?.connection.leave(channel.channel, this.#options.clock.nowMs());
        return;
      }
      case "want": {
        const channel = this.#channels.get(effect.parent);
        channel?.connection.want(channel.channel, effect.indices, this.#brain.held.count);
        return;
      }
      case "cancel": {
        const channel = this.#channels.get(effect.parent);
        channel?.connection.cancel(channel.channel, effect.indices);
        return;
      }
      case "accuse":
        this.#options.onAccuse(effect.parent, effect.index);
    }
  }

  async #dial(offer: ParentOffer): Promise<void> {
    const { pool, manifest, ticket, log } = this.#options;
    let connection: ParentConnection;
    try {
      connection = await pool.connect(offer);
    } catch (error) {
      log.debug("parent.unreachable", { parent: offer.id, message: (error as Error).message });
      return this.#step({ kind: "closed", parent: offer.id });
    }
    if (this.#over || !this.#brain.knows(offer.id)) return;
    const { task, generation } = manifest.head;
    const proof = ticket();
    const parent = offer.id;
    const request = {
      task,
      generation,
      ...(proof === undefined ? {} : { ticket: proof }),
      ...(offer.across === true ? { across: true } : {}),
    };
    const channel = connection.open(request, {
      onOpened: (pieces) => this.#step({ kind: "opened", parent, pieces: this.#bounded(pieces) }),
      onHave: (indices) =>
        this.#step({ kind: "had", parent, indices: indices.filter((index) => this.#possible(index)) }),
      onPieceStart: (index, lengthBytes) => this.#pieceStart(parent, index, lengthBytes),
      onPieceBytes: (bytes) => {
        this.lastProgressMs = this.#options.clock.nowMs();
        this.#options.onBytes?.();
        this.#brain.heard(parent, bytes, this.#options.clock.nowMs());
        connection.pauseFor(this.#options.limiter, bytes);
      },
      onPiece: (index, bytes) => void this.#piece(parent, index, bytes),
      onCancelled: (indices) => this.#step({ kind: "cancelled", parent, indices }),
      onClosed: (reason) => {
        if (this.#channels.get(parent)?.channel !== channel) return;
        this.#channels.delete(parent);
        log.debug("parent.closed", { parent, reason });
        this.#step({ kind: "closed", parent });
      },
    });
    this.#channels.set(parent, { connection, channel });
  }

  /** A peer's claim about pieces that cannot exist is cut off, not believed. */
  #bounded(pieces: Bitfield): Bitfield {
    const { lengthBytes, head } = this.#options.manifest;
    if (lengthBytes === undefined || pieces.length <= pieceCount(lengthBytes, head.pieceBytes)) return pieces;
    return Bitfield.fromBytes(pieces.toBytes(), pieceCount(lengthBytes, head.pieceBytes));
  }

  #possible(index: number): boolean {
    if (index >= piecesMax) return false;
    return index * this.#options.manifest.head.pieceBytes < (this.#options.manifest.lengthBytes ?? Infinity);
  }

  #pieceStart(parent: string, index: number, lengthBytes: number): Uint8Array | undefined {
    const { manifest } = this.#options;
    const { pieceBytes } = manifest.head;
    const rest = (manifest.lengthBytes ?? Infinity) - index * pieceBytes;
    const fits =
      manifest.lengthBytes === undefined ? lengthBytes <= pieceBytes : lengthBytes === Math.min(pieceBytes, rest);
    if (!fits || manifest.digestOf(index) === undefined) return undefined;
    this.#step({ kind: "started", parent, index });
    const spare = lengthBytes === pieceBytes ? this.#spare.pop() : undefined;
    return spare ?? Buffer.allocUnsafeSlow(lengthBytes);
  }

  async #piece(parent: string, index: number, bytes: Uint8Array): Promise<void> {
    if (this.#over) return;
    if (this.#across.has(parent)) this.crossedBytes += bytes.length;
    const { store, manifest } = this.#options;
    const expected = manifest.digestOf(index);
    if (expected === undefined || !bytesEqual(sha256(bytes), expected))
      return this.#step({ kind: "bad", parent, index });
    this.#step({ kind: "unwritten", pieces: ++this.#storing });
    // The parent goes on with the next piece while this one is written.
    this.#step({ kind: "stored", parent, index });
    try {
      await store.put(index, bytes, expected);
      if (!this.#over) await this.#options.onPut?.(index, bytes);
    } catch (error) {
      if (!this.#over) this.#options.onFailed(error);
      return;
    } finally {
      this.#step({ kind: "unwritten", pieces: --this.#storing });
    }
    const { pieceBytes } = manifest.head;
    const spareMax = Math.max(sparePiecesMin, spareBytesMax / pieceBytes);
    if (this.#over) return;
    if (bytes.length === pieceBytes && this.#spare.length < spareMax) this.#spare.push(bytes);
    this.#options.onStored(index, bytes.length, this.#seeds.has(parent));
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (this.#over || !this.#brain.finished || this.#storing > 0) return;
    this.stop();
    this.#options.onFinished();
  }
}
