/**
 * One simulated host: the product's own download brain and upload queue, a processor that takes time
 * for each piece, and a manager that it reports to.
 */

import { SwarmDownload, type DownloadEffect, type DownloadEvent } from "#core/download/mod.ts";
import type { ParentOffer } from "#core/protocol/mod.ts";
import type { SwarmReport } from "#core/swarm/mod.ts";
import type { Chance } from "./random.ts";
import { Downlink } from "./lines.ts";
import { Sender, type SenderOptions } from "./sender.ts";
import { Wire } from "./wire.ts";

const tickCode = 200;
const storedCode = 201;
const reportCode = 202;
const keepAliveCode = 203;
const listedCode = 204;
const endedCode = 205;
const parentsCode = 206;
const tickMs = 250;
const keepAliveMs = 2_000;

/** What a host says to its manager; it arrives after the latency. */
export interface ManagerLine {
  report(host: Host, report: SwarmReport): void;
  accuse(host: Host, parent: string): void;
}

export interface HostOptions extends SenderOptions {
  readonly chance: Chance;
  readonly downBytesPerSecond: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly reportEveryMs: number;
  /** Processor time for each piece received: hashing, storing, handling. */
  readonly pieceCpuMs: number;
  readonly manager: ManagerLine;
  readonly onFinished: () => void;
  readonly senderOf: (id: string) => Sender | undefined;
}

export class Host extends Sender {
  readonly downlink: Downlink;
  readonly brain: SwarmDownload;
  readonly options: HostOptions;
  readonly #up = new Map<string, Wire>();
  #news: number[] = [];
  #cpuFreeMs = 0;
  startedMs = 0;
  finishedMs: number | undefined;
  receivedPieces = 0;
  #receivedAtReport = 0;
  #sentAtReport = 0;
  #wasStarving = false;

  constructor(options: HostOptions) {
    super(options);
    this.options = options;
    this.downlink = new Downlink(options.downBytesPerSecond);
    this.brain = new SwarmDownload({ held: this.held, inboundMax: 256, unit: options.chance.unit });
  }

  /** The download begins. */
  start(): void {
    this.startedMs = this.agenda.nowMs;
    const { chance, reportEveryMs } = this.options;
    this.agenda.after(chance.unit() * tickMs, this, tickCode);
    this.agenda.after(chance.unit() * reportEveryMs, this, reportCode);
    this.agenda.after(chance.unit() * keepAliveMs, this, keepAliveCode);
  }

  /** What the manager says, after its way. */
  listed(delayMs: number, indices: readonly number[]): void {
    this.agenda.after(delayMs, this, listedCode, indices);
  }

  ended(delayMs: number, pieces: number): void {
    this.agenda.after(delayMs, this, endedCode, pieces);
  }

  parents(delayMs: number, offers: readonly ParentOffer[]): void {
    this.agenda.after(delayMs, this, parentsCode, offers);
  }

  override on(code: number, argument: unknown): void {
    if (code < tickCode) return super.on(code, argument);
    if (this.down) return;
    switch (code) {
      case tickCode:
        return this.#tick();
      case storedCode:
        return this.#stored(argument as Arrival);
      case reportCode:
        this.#report();
        return this.agenda.after(this.options.reportEveryMs, this, reportCode);
      case keepAliveCode:
        this.keepAlive();
        return this.agenda.after(keepAliveMs, this, keepAliveCode);
      case listedCode:
        return this.step({ kind: "listed", indices: argument as readonly number[] });
      case endedCode:
        return this.step({ kind: "ended", pieces: argument as number });
      case parentsCode:
        return this.step({ kind: "parents", offers: argument as readonly ParentOffer[] });
    }
  }

  step(event: DownloadEvent): void {
    if (this.down || this.finishedMs !== undefined) return;
    for (const effect of this.brain.step(event, this.agenda.nowMs)) this.#carryOut(effect);
  }

  /** A piece's last byte came: the processor checks and stores it. */
  arrived(wire: Wire, index: number): void {
    this.receivedPieces++;
    const { pieceCpuMs } = this.options;
    if (pieceCpuMs === 0) return this.#stored({ wire, index });
    this.#cpuFreeMs = Math.max(this.#cpuFreeMs, this.agenda.nowMs) + pieceCpuMs;
    this.agenda.after(this.#cpuFreeMs - this.agenda.nowMs, this, storedCode, { wire, index });
  }

  #stored({ wire, index }: Arrival): void {
    if (this.finishedMs !== undefined) return;
    const { parent } = wire;
    if (parent.lies) return this.step({ kind: "bad", parent: parent.id, index });
    const isNew = !this.held.has(index);
    this.step({ kind: "stored", parent: parent.id, index });
    if (!isNew) return;
    this.#news.push(index);
    this.gained(index);
    if (this.brain.finished) this.#finish();
    else if (this.#news.length > 1 && this.brain.starving && !this.#wasStarving) this.#report();
  }

  #finish(): void {
    this.finishedMs = this.agenda.nowMs;
    this.options.onFinished();
    for (const wire of this.#up.values()) wire.leave();
    this.#up.clear();
    this.#report();
  }

  lost(wire: Wire): void {
    if (this.#up.get(wire.parent.id) !== wire) return;
    this.#up.delete(wire.parent.id);
    wire.open = false;
    this.step({ kind: "closed", parent: wire.parent.id });
  }

  /** The process dies: nothing of it is heard any more. */
  crash(): void {
    this.closeAll();
    this.down = true;
    for (const wire of this.#up.values()) wire.leave();
    this.#up.clear();
  }

  #tick(): void {
    if (this.finishedMs !== undefined) return;
    const { nowMs } = this.agenda;
    // Bytes of a piece on its way are heard as they come.
    for (const wire of this.#up.values())
      if (!wire.silent && !wire.parent.down) this.brain.heard(wire.parent.id, 0, nowMs);
    this.step({ kind: "tick" });
    this.agenda.after(tickMs, this, tickCode);
  }

  #report(): void {
    const { pieceBytes, reportEveryMs } = this.options;
    const perSecond = (pieceBytes * 1000) / reportEveryMs;
    const seeding = this.finishedMs !== undefined;
    const starving = !seeding && this.brain.starving;
    this.#wasStarving = starving;
    this.options.manager.report(this, {
      news: this.#news,
      starving,
      seeding,
      upBytesPerSecond: (this.sentPieces - this.#sentAtReport) * perSecond,
      downBytesPerSecond: (this.receivedPieces - this.#receivedAtReport) * perSecond,
    });
    this.#news = [];
    this.#sentAtReport = this.sentPieces;
    this.#receivedAtReport = this.receivedPieces;
  }

  #carryOut(effect: DownloadEffect): void {
    switch (effect.kind) {
      case "dial":
        return this.#dial(effect.offer);
      case "hang-up": {
        const wire = this.#up.get(effect.parent);
        this.#up.delete(effect.parent);
        return wire?.leave();
      }
      case "want":
        return this.#up.get(effect.parent)?.want(effect.indices);
      case "cancel":
        return this.#up.get(effect.parent)?.cancel(effect.indices);
      case "accuse":
        return this.options.manager.accuse(this, effect.parent);
    }
  }

  #dial(offer: ParentOffer): void {
    const { chance, latencyMs, jitterMs, senderOf } = this.options;
    const parent = senderOf(offer.id);
    if (parent === undefined) return;
    this.#up.get(offer.id)?.leave();
    const wire = new Wire(this.agenda, chance, this, parent, latencyMs, jitterMs);
    this.#up.set(offer.id, wire);
    wire.dial();
  }
}

interface Arrival {
  readonly wire: Wire;
  readonly index: number;
}
