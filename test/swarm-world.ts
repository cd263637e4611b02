/**
 * A whole swarm in one loop: the three pure state machines of a transfer (who may feed whom, what to ask
 * of whom, what to send next) wired by messages with random delays. There are no bytes, clocks or
 * sockets, and one seed replays everything. Links break, links fall silent, a liar sends rubbish.
 *
 * What must hold is checked where it happens and thrown as an error; see `Host`.
 */

import assert from "node:assert/strict";
import { Bitfield } from "#base/mod.ts";
import { SwarmDownload, type DownloadEffect, type DownloadEvent } from "#core/download/mod.ts";
import type { ParentOffer } from "#core/protocol/mod.ts";
import { spreadEveryMs, Swarm, UploadQueue, type Child, type SwarmChange } from "#core/swarm/mod.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly hosts: number;
  readonly pieces: number;
  /** One host answers with rubbish, now and then. */
  readonly liar: boolean;
  /** Links break or fall silent until this time. */
  readonly faultsUntilMs: number;
}

const slots = 2;
/** A piece that the first parent has not begun stands with a second one only after so long. */
const lateMsMin = 250;
const managerId = "manager";

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One child's connection to one parent. Frames arrive in the order they were sent. */
class Link {
  readonly child: Host;
  readonly parent: Sender;
  readonly delayMs: number;
  open = true;
  silent = false;
  #lastMs = 0;

  constructor(child: Host, parent: Sender, delayMs: number) {
    this.child = child;
    this.parent = parent;
    this.delayMs = delayMs;
  }

  toChild(world: World, event: DownloadEvent): void {
    this.#lastMs = Math.max(this.#lastMs, world.nowMs + this.delayMs);
    world.at(this.#lastMs, () => {
      if (this.open && !this.silent) this.child.step(event);
    });
  }

  toParent(world: World, action: () => void): void {
    world.at(world.nowMs + this.delayMs, () => {
      if (this.open && !this.silent) action();
    });
  }

  /** Both ends hear of it, each in its time. */
  close(world: World): void {
    if (!this.open) return;
    this.open = false;
    this.parent.links.delete(this.child.id);
    this.parent.queue.remove(this.parent.children.get(this.child.id)!);
    if (this.child.links.get(this.parent.id) === this) this.child.links.delete(this.parent.id);
    world.at(world.nowMs + this.delayMs, () => this.child.lost(this));
  }
}

/** Whoever sends pieces: a host, or the manager's seed. */
class Sender {
  readonly id: string;
  readonly world: World;
  readonly held: Bitfield;
  readonly queue: UploadQueue<string>;
  readonly children = new Map<string, Child<string>>();
  /** Child -> the link to it. */
  readonly feeding = new Map<string, Link>();
  lies = false;
  #active = 0;

  constructor(world: World, id: string) {
    this.world = world;
    this.id = id;
    this.held = new Bitfield(world.options.pieces);
    this.queue = new UploadQueue();
  }

  get links(): Map<string, Link> {
    return this.feeding;
  }

  accept(link: Link): void {
    this.feeding.set(link.child.id, link);
    this.children.set(link.child.id, this.queue.add(link.child.id));
    link.toChild(this.world, { kind: "opened", parent: this.id, pieces: this.held.clone() });
  }

  tell(indices: readonly number[]): void {
    for (const link of this.feeding.values()) link.toChild(this.world, { kind: "had", parent: this.id, indices });
  }

  wanted(link: Link, indices: readonly number[]): void {
    const refused = this.queue.want(this.children.get(link.child.id)!, indices);
    if (refused.length > 0) link.toChild(this.world, { kind: "cancelled", parent: this.id, indices: refused });
    this.pump();
  }

  pump(): void {
    while (this.#active < slots) {
      const want = this.queue.next();
      if (want === undefined) return;
      const link = this.feeding.get(want.child.owner);
      assert.ok(link !== undefined && this.held.has(want.index), "only held pieces are sent, and only to children");
      this.#active++;
      link.toChild(this.world, { kind: "started", parent: this.id, index: want.index });
      this.world.at(this.world.nowMs + 20 + this.world.unit() * 200, () => {
        this.#active--;
        const kind = this.lies && this.world.unit() < 0.5 ? "bad" : "stored";
        link.toChild(this.world, { kind, parent: this.id, index: want.index });
        if (link.open) this.queue.sent(want);
        this.pump();
      });
    }
  }
}

/**
 * One host. Checked at every step: only listed pieces are asked for and stored; nothing held is asked
 * for; what is asked of a second parent was begun by the first, or has waited there for a good while.
 */
export class Host extends Sender {
  readonly brain: SwarmDownload;
  readonly #listed = new Set<number>();
  /** Parent -> piece -> since when it is asked of it. */
  readonly #asked = new Map<string, Map<number, number>>();
  readonly #up = new Map<string, Link>();
  #news: number[] = [];

  constructor(world: World, id: string) {
    super(world, id);
    this.brain = new SwarmDownload({ held: this.held, inboundMax: 64, unit: world.unit });
  }

  override get links(): Map<string, Link> {
    return this.feeding;
  }

  step(event: DownloadEvent): void {
    if (event.kind === "listed") for (const index of event.indices) this.#listed.add(index);
    if (event.kind === "stored") assert.ok(this.#listed.has(event.index), `${this.id} stores only what is listed`);
    // Begun: late from now on, should another parent be idle.
    if (event.kind === "started") this.#asked.get(event.parent)?.set(event.index, -Infinity);
    if (event.kind === "stored" || event.kind === "bad") this.#asked.get(event.parent)?.delete(event.index);
    if (event.kind === "cancelled") for (const index of event.indices) this.#asked.get(event.parent)?.delete(index);
    if (event.kind === "closed") this.#asked.delete(event.parent);
    const isNew = event.kind === "stored" && !this.held.has(event.index);
    for (const effect of this.brain.step(event, this.world.nowMs)) this.#carryOut(effect);
    if (!isNew) return;
    this.#news.push(event.index);
    this.world.at(this.world.nowMs + 20, () => this.tell([event.index]));
  }

  report(): void {
    const seeding = this.brain.finished;
    const report = {
      news: this.#news,
      starving: this.brain.starving,
      seeding,
      upBytesPerSecond: 0,
      downBytesPerSecond: 0,
    };
    this.#news = [];
    this.world.give(this.world.swarm.report(this.id, report, this.world.nowMs));
  }

  lost(link: Link): void {
    if (this.#up.get(link.parent.id) !== link) return;
    this.#up.delete(link.parent.id);
    this.step({ kind: "closed", parent: link.parent.id });
  }

  #carryOut(effect: DownloadEffect): void {
    const { world } = this;
    switch (effect.kind) {
      case "dial":
        return this.#dial(effect.offer);
      case "hang-up": {
        const link = this.#up.get(effect.parent);
        this.#up.delete(effect.parent);
        this.#asked.delete(effect.parent);
        return link?.close(world);
      }
      case "want": {
        for (const index of effect.indices) this.#checkWant(effect.parent, index);
        const link = this.#up.get(effect.parent);
        return link?.toParent(world, () => link.parent.wanted(link, effect.indices));
      }
      case "cancel": {
        const link = this.#up.get(effect.parent);
        return link?.toParent(world, () => {
          const indices = link.parent.queue.cancel(link.parent.children.get(this.id)!, effect.indices);
          if (indices.length > 0) link.toChild(world, { kind: "cancelled", parent: link.parent.id, indices });
        });
      }
      case "accuse":
        assert.ok(world.sender(effect.parent).lies, `${effect.parent} is honest, yet ${this.id} accuses it`);
        return world.give(world.swarm.accuse(this.id, effect.parent, world.nowMs));
    }
  }

  #dial(offer: ParentOffer): void {
    const { world } = this;
    const link = new Link(this, world.sender(offer.id), 1 + world.unit() * 30);
    world.at(world.nowMs + 2 * link.delayMs, () => {
      if (world.faulty && world.unit() < 0.1) return this.step({ kind: "closed", parent: offer.id });
      if (!this.brain.knows(offer.id) || this.#up.has(offer.id)) return;
      this.#up.set(offer.id, link);
      link.parent.accept(link);
    });
  }

  #checkWant(parent: string, index: number): void {
    const { nowMs } = this.world;
    assert.ok(this.#listed.has(index), `${this.id} asks only for what is listed`);
    assert.ok(!this.held.has(index), `${this.id} asks for nothing it holds`);
    for (const [other, asked] of this.#asked) {
      const sinceMs = asked.get(index);
      if (other === parent || sinceMs === undefined) continue;
      assert.ok(
        nowMs - sinceMs >= lateMsMin,
        `${this.id} asks ${parent} for ${index}, which stands with ${other} since ${nowMs - sinceMs} ms`,
      );
    }
    const asked = this.#asked.get(parent) ?? new Map<number, number>();
    this.#asked.set(parent, asked.set(index, nowMs));
  }
}

export class World {
  readonly options: WorldOptions;
  readonly unit: () => number;
  readonly swarm: Swarm;
  readonly seed: Sender;
  readonly hosts = new Map<string, Host>();
  nowMs = 0;
  /** Sorted by time, the next one last; equal times keep their order. */
  readonly #events: { readonly atMs: number; readonly action: () => void }[] = [];

  constructor(options: WorldOptions) {
    this.options = options;
    this.unit = randomOf(options.seed);
    this.swarm = new Swarm([{ id: managerId, address: "", port: 0, seed: true }], this.unit);
    this.seed = new Sender(this, managerId);
    for (let number = 0; number < options.hosts; number++) this.#addHost(`h${number}`);
    if (options.liar) this.hosts.get("h0")!.lies = true;
    for (let index = 0; index < options.pieces; index++) this.at(index * 30, () => this.#fetched(index));
    this.at(0, () => this.#every(100, () => this.#tick()));
    this.at(0, () => this.#every(500, () => this.hosts.forEach((host) => host.report())));
    this.at(0, () => this.#every(2_000, () => this.#keepAlive()));
    this.at(0, () => this.#every(300, () => this.#faults()));
  }

  get faulty(): boolean {
    return this.nowMs < this.options.faultsUntilMs;
  }

  get honest(): Host[] {
    return [...this.hosts.values()].filter((host) => !host.lies);
  }

  get finished(): boolean {
    return this.honest.every((host) => host.brain.finished);
  }

  sender(id: string): Sender {
    return id === managerId ? this.seed : this.hosts.get(id)!;
  }

  at(atMs: number, action: () => void): void {
    let place = this.#events.length;
    while (place > 0 && this.#events[place - 1]!.atMs <= atMs) place--;
    this.#events.splice(place, 0, { atMs, action });
  }

  give(changes: readonly SwarmChange[]): void {
    for (const { host, parents } of changes) {
      this.at(this.nowMs + 5, () => this.hosts.get(host)?.step({ kind: "parents", offers: parents }));
    }
  }

  /** Until every honest host has finished, or the time is up. */
  run(untilMs: number): void {
    while (!this.finished && this.nowMs < untilMs) {
      const { atMs, action } = this.#events.pop()!;
      this.nowMs = atMs;
      action();
    }
  }

  #addHost(id: string): void {
    const host = new Host(this, id);
    this.hosts.set(id, host);
    const card = { id, name: id, site: this.unit() < 0.5 ? "east" : "west", address: "", port: 0 };
    this.at(this.unit() * 2_000, () => {
      const listed = [...this.seed.held.indices()];
      host.step({ kind: "listed", indices: listed });
      if (this.seed.held.full) host.step({ kind: "ended", pieces: this.options.pieces });
      this.swarm.join(card, host.held.clone());
      for (const delayMs of [5, 5 + spreadEveryMs]) {
        this.at(this.nowMs + delayMs, () => this.give(this.swarm.match(this.nowMs)));
      }
    });
  }

  /** The manager has one piece more, vouches for it, and offers it. */
  #fetched(index: number): void {
    this.seed.held.set(index);
    this.seed.tell([index]);
    this.at(this.nowMs + 25, () => {
      for (const host of this.hosts.values()) {
        if (!this.swarm.has(host.id)) continue;
        host.step({ kind: "listed", indices: [index] });
        if (this.seed.held.full) host.step({ kind: "ended", pieces: this.options.pieces });
      }
    });
  }

  #tick(): void {
    for (const host of this.hosts.values()) host.step({ kind: "tick" });
  }

  #keepAlive(): void {
    for (const sender of [this.seed, ...this.hosts.values()]) sender.tell([]);
  }

  #faults(): void {
    if (!this.faulty) return;
    const links = [this.seed, ...this.hosts.values()].flatMap((sender) => [...sender.feeding.values()]);
    const link = links[Math.floor(this.unit() * links.length)];
    if (link === undefined) return;
    if (this.unit() < 0.6) link.close(this);
    else link.silent = true;
  }

  #every(periodMs: number, action: () => void): void {
    action();
    this.at(this.nowMs + periodMs, () => this.#every(periodMs, action));
  }
}
