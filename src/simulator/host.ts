/**
 * One simulated host: the product's own download brain and upload queue, a processor and a disk that
 * take time for each piece, and a control connection to the manager that is dialled again when it ends.
 */

import { inboundPiecesMax, SwarmDownload, type DownloadEffect, type DownloadEvent } from "#core/download/mod.ts";
import type { ParentOffer } from "#core/protocol/mod.ts";
import type { SwarmChange } from "#core/swarm/mod.ts";
import { ControlLink } from "./control-link.ts";
import { Downlink } from "./lines.ts";
import type { Manager } from "./manager.ts";
import { Sender, type SenderOptions } from "./sender.ts";
import { Wire } from "./wire.ts";

const tickCode = 200;
const checkedCode = 201;
const writtenCode = 202;
const reportCode = 203;
const keepAliveCode = 204;
const connectCode = 205;
const tickMs = 250;
const keepAliveMs = 2_000;
const backoffMs = { first: 200, max: 5_000 } as const;

export interface HostOptions extends SenderOptions {
  readonly downBytesPerSecond: number;
  readonly reportEveryMs: number;
  /** Processor time for each piece received: hashing, storing, handling. */
  readonly pieceCpuMs: number;
  readonly accusesFalsely: boolean;
  /** The task's owner, and the manager that the host is at home with. */
  readonly manager: Manager;
  readonly home: Manager;
  readonly onFinished: (host: Host) => void;
  readonly senderOf: (id: string) => Sender | undefined;
}

export class Host extends Sender {
  readonly downlink: Downlink;
  readonly options: HostOptions;
  /** Pieces that may stand with parents, come from them or wait for the disk at a time. */
  readonly inboundMax: number;
  brain: SwarmDownload;
  link: ControlLink | undefined;
  /** Which of its managers it asks. */
  #manager: Manager;
  readonly #up = new Map<string, Wire>();
  #news: number[] = [];
  /** Processor and disk time for each piece, now. */
  pieceCpuMs: number;
  pieceDiskMs = 0;
  #cpuFreeMs = 0;
  #diskFreeMs = 0;
  #unwritten = 0;
  #lineFactor = 1;
  #connectFailures = 0;
  started = false;
  /** It will not come back. */
  lost = false;
  startedMs = 0;
  finishedMs: number | undefined;
  receivedPieces = 0;
  #duplicatesBefore = 0;
  #receivedAtReport = 0;
  #sentAtReport = 0;
  #wasStarving = false;

  constructor(options: HostOptions) {
    super(options);
    this.options = options;
    this.#manager = options.manager;
    this.pieceCpuMs = options.pieceCpuMs;
    this.downlink = new Downlink(options.around.network.lines, options.downBytesPerSecond);
    this.inboundMax = inboundPiecesMax(options.around.pieceBytes);
    this.brain = this.#newBrain();
  }

  #newBrain(): SwarmDownload {
    return new SwarmDownload({
      held: this.held.clone(),
      inboundMax: this.inboundMax,
      unit: this.around.chance.unit,
    });
  }

  /** As its manager has it. */
  get site(): string {
    return `site${this.around.network.siteOf(this.place)}`;
  }

  /** Connections to parents, also those that are being opened. */
  get parents(): ReadonlyMap<string, Wire> {
    return this.#up;
  }

  /** Pieces that came twice, in all its lives. */
  get duplicates(): number {
    return this.#duplicatesBefore + this.brain.duplicates;
  }

  /** The download begins; the control connection stands already, if there is a manager. */
  start(): void {
    const { manager, home } = this.options;
    if (this.lost) return;
    this.started = true;
    this.startedMs = this.agenda.nowMs;
    this.#startTimers();
    if (manager !== home) return this.#kept(home).enquire();
    if (manager.down) return this.#connect();
    this.#kept(manager).ask(this.held.clone());
  }

  /** Whether the manager that it is at home with helps; else the owner is asked, over a connection of its own. */
  told(link: ControlLink, helps: boolean): void {
    if (this.link !== link) return;
    if (!helps) return this.#connect();
    this.#manager = this.options.home;
    link.ask(this.held.clone());
  }

  /** A connection stands already. */
  #kept(manager: Manager): ControlLink {
    this.link = new ControlLink(this.agenda, this.around.network, this, manager);
    this.link.established(this.around.chance.unit);
    return this.link;
  }

  /** The owner has hosts enough. */
  delegated(link: ControlLink): void {
    if (this.link !== link) return;
    link.closeAtHost();
    this.#manager = this.options.home;
    this.#kept(this.#manager).ask(this.held.clone());
  }

  #startTimers(): void {
    const { reportEveryMs } = this.options;
    const { chance } = this.around;
    this.agenda.after(chance.unit() * tickMs, this, tickCode, this.life);
    this.agenda.after(chance.unit() * reportEveryMs, this, reportCode, this.life);
    this.agenda.after(chance.unit() * keepAliveMs, this, keepAliveCode, this.life);
  }

  override on(code: number, argument: unknown): void {
    if (code < tickCode) return super.on(code, argument);
    if (this.down) return;
    if (code === checkedCode || code === writtenCode) {
      if (this.paused) return this.later(this, code, argument);
      return this.#handled(code, argument as Arrival);
    }
    if (argument !== this.life) return;
    if (this.paused) return this.laterByTimer(this, code, argument);
    switch (code) {
      case tickCode:
        return this.#tick();
      case reportCode:
        return this.#reportNow();
      case keepAliveCode:
        this.keepAlive();
        return this.agenda.after(keepAliveMs, this, keepAliveCode, this.life);
      case connectCode:
        return this.#connect();
    }
  }

  step(event: DownloadEvent): void {
    if (this.down || this.finishedMs !== undefined) return;
    this.watcher?.event(this, event);
    for (const effect of this.brain.step(event, this.clock.nowMs)) this.#carryOut(effect);
  }

  /** Other parents than before. */
  given({ parents, entry }: SwarmChange): void {
    this.step({ kind: "parents", offers: parents, entry });
  }

  /** The manifest ended. */
  ended(pieces: number): void {
    this.step({ kind: "ended", pieces });
    this.#finishIfDone();
  }

  /** A piece's last byte came: the processor checks it. Wrong bytes are told as the complement. */
  arrived(wire: Wire, index: number): void {
    this.receivedPieces++;
    const { nowMs } = this.agenda;
    if (this.pieceCpuMs === 0 && this.#cpuFreeMs <= nowMs) return this.#checked(wire, index);
    this.#cpuFreeMs = Math.max(this.#cpuFreeMs, nowMs) + this.pieceCpuMs;
    // What the connection says next is read when the piece is checked.
    wire.readFromMs = this.#cpuFreeMs;
    this.agenda.after(this.#cpuFreeMs - nowMs, this, checkedCode, { wire, index, life: this.life });
  }

  #handled(code: number, { wire, index, life }: Arrival): void {
    if (life !== this.life) return;
    if (code === checkedCode) return this.#checked(wire, index);
    this.step({ kind: "unwritten", pieces: --this.#unwritten });
    this.#written(index);
  }

  #checked(wire: Wire, index: number): void {
    if (this.finishedMs !== undefined) return;
    const parent = wire.parent.id;
    if (index < 0) return this.step({ kind: "bad", parent, index: ~index });
    const isNew = !this.brain.held.has(index);
    const waits = this.pieceDiskMs > 0 || this.#unwritten > 0;
    if (waits) this.step({ kind: "unwritten", pieces: ++this.#unwritten });
    this.step({ kind: "stored", parent, index });
    if (!waits) return isNew ? this.#written(index) : undefined;
    this.#diskFreeMs = Math.max(this.#diskFreeMs, this.agenda.nowMs) + this.pieceDiskMs;
    this.agenda.after(this.#diskFreeMs - this.agenda.nowMs, this, writtenCode, { wire, index, life: this.life });
  }

  #written(index: number): void {
    if (this.held.has(index)) {
      this.#finishIfDone();
      return;
    }
    this.#news.push(index);
    this.gained(index);
    this.watcher?.stored(this, index);
    if (this.#finishIfDone()) return;
    if (this.#news.length > 1 && this.brain.starving && !this.#wasStarving) this.#report();
  }

  #finishIfDone(): boolean {
    if (this.finishedMs !== undefined || this.#unwritten > 0 || !this.brain.finished) return false;
    this.finishedMs = this.agenda.nowMs;
    for (const wire of this.#up.values()) wire.leave(false);
    this.#up.clear();
    this.#report();
    this.watcher?.note(this.id, "has it all");
    this.options.onFinished(this);
    return true;
  }

  /** A connection to a parent is over, or never came to be. */
  connectionLost(wire: Wire): void {
    wire.open = false;
    if (this.#up.get(wire.parent.id) !== wire) return;
    this.#up.delete(wire.parent.id);
    this.step({ kind: "closed", parent: wire.parent.id });
  }

  welcomed(link: ControlLink): void {
    this.#connectFailures = 0;
    link.ask(this.held.clone());
  }

  /** The control connection is over, or was refused. */
  controlLost(link: ControlLink): void {
    if (this.link !== link || this.down) return;
    this.link = undefined;
    this.watcher?.note(this.id, "lost its control connection");
    const doubled = Math.min(backoffMs.max, backoffMs.first * 2 ** this.#connectFailures++);
    const delayMs = doubled * (0.5 + this.around.chance.unit());
    this.agenda.after(delayMs, this, connectCode, this.life);
  }

  #connect(): void {
    this.link = new ControlLink(this.agenda, this.around.network, this, this.#manager);
    this.link.dial();
  }

  /** The process is killed; with `gone` its machine is, and nobody hears of it. */
  crash(gone: boolean): void {
    this.gone ||= gone;
    if (this.down || !this.started) return;
    if (gone) {
      for (const wire of [...this.wires, ...this.#up.values()]) wire.fallSilent(Infinity);
      this.link?.fallSilent(Infinity, this.around.chance.unit);
    }
    for (const wire of this.#up.values()) wire.leave(true);
    this.#up.clear();
    this.link?.closeAtHost();
    this.link = undefined;
    this.die();
    this.watcher?.died(this);
  }

  /** The process starts again with what its store holds. */
  restart(): void {
    if (!this.down || this.lost) return;
    this.liveAgain();
    this.#duplicatesBefore += this.brain.duplicates;
    this.brain = this.#newBrain();
    this.#news = [];
    this.#unwritten = 0;
    this.#cpuFreeMs = 0;
    this.#diskFreeMs = 0;
    this.setLines(this.#lineFactor);
    this.#startTimers();
    this.#connect();
  }

  /** SIGSTOP. */
  pause(): void {
    if (this.down || this.paused || !this.started) return;
    this.standStill();
    this.uplink.setRate(0);
    this.link?.hostStandsStill(this.around.chance.unit);
  }

  /** SIGCONT. */
  resume(): void {
    if (!this.paused) return;
    this.goOn(this.around.chance.unit() < 0.5);
    this.setLines(this.#lineFactor);
    this.pump();
  }

  /** Both lines run at this share of their rates from now on. */
  setLines(factor: number): void {
    const { upBytesPerSecond, downBytesPerSecond } = this.options;
    this.#lineFactor = factor;
    if (!this.paused) this.uplink.setRate(upBytesPerSecond * factor);
    this.downlink.setRate(downBytesPerSecond * factor, this.agenda.nowMs);
  }

  #tick(): void {
    if (this.finishedMs !== undefined) return;
    const { nowMs } = this.agenda;
    const heardMs = this.clock.nowMs;
    // Bytes of a piece on its way are heard as they come; a piece that is being checked has come.
    for (const wire of this.#up.values()) {
      const comes = wire.sending !== undefined && !wire.silent && !wire.parent.paused;
      if (comes || wire.readFromMs > nowMs) this.brain.heard(wire.parent.id, 0, heardMs);
    }
    this.step({ kind: "tick" });
    this.agenda.after(tickMs, this, tickCode, this.life);
  }

  /** What is new since the last report; a host that has it all has told so. */
  #reportNow(): void {
    if (this.options.accusesFalsely) this.#accuseAnyParent();
    if (this.finishedMs !== undefined) return;
    if (this.#news.length > 0 || this.brain.starving) this.#report();
    this.agenda.after(this.options.reportEveryMs, this, reportCode, this.life);
  }

  #accuseAnyParent(): void {
    const parents = [...this.#up.keys()];
    const parent = parents[Math.floor(this.around.chance.unit() * parents.length)];
    if (parent !== undefined && this.link?.welcomed === true) this.link.accuse(parent);
  }

  #report(): void {
    if (this.link?.welcomed !== true) return;
    const perSecond = (this.around.pieceBytes * 1000) / this.options.reportEveryMs;
    const seeding = this.finishedMs !== undefined;
    const starving = !seeding && this.brain.starving;
    this.#wasStarving = starving;
    this.link.report({
      news: this.#news,
      starving,
      crossing: !seeding && this.brain.crossing,
      seeding,
      upBytesPerSecond: (this.sentPieces - this.#sentAtReport) * perSecond,
      downBytesPerSecond: (this.receivedPieces - this.#receivedAtReport) * perSecond,
    });
    this.#news = [];
    this.#sentAtReport = this.sentPieces;
    this.#receivedAtReport = this.receivedPieces;
  }

  #carryOut(effect: DownloadEffect): void {
    this.watcher?.effect(this, effect);
    switch (effect.kind) {
      case "dial":
        return this.#dial(effect.offer);
      case "hang-up": {
        const wire = this.#up.get(effect.parent);
        this.#up.delete(effect.parent);
        return wire?.leave(effect.sever);
      }
      case "want":
        return this.#up.get(effect.parent)?.want(effect.indices);
      case "cancel":
        return this.#up.get(effect.parent)?.cancel(effect.indices);
      case "accuse":
        if (this.link?.welcomed === true) this.link.accuse(effect.parent);
    }
  }

  #dial(offer: ParentOffer): void {
    const parent = this.options.senderOf(offer.id);
    if (parent === undefined) return;
    this.#up.get(offer.id)?.leave(false);
    const wire = new Wire(this.agenda, this.around.network, this, parent, offer.across === true);
    this.#up.set(offer.id, wire);
    wire.dial();
  }
}

interface Arrival {
  readonly wire: Wire;
  readonly index: number;
  readonly life: number;
}
