/**
 * What must hold in every simulated cluster, whatever goes wrong in it; checked where it happens and
 * thrown with the virtual time and who it happened to:
 *
 *  1. Only listed pieces are asked for and stored; nothing held is asked for.
 *  2. A piece is asked of a second parent only when the first has begun it (and may be late), or was
 *     asked for it a good while ago.
 *  3. Wrong bytes are not stored; nobody is accused who sent none.
 *  4. A child's wants at a parent, and all that stands with parents, are bounded.
 *  5. No line carries more than it can: what begins and ends within any second, and within any shorter
 *     time that a piece spans, fits the line's rate, within one piece.
 */

import { AssertionError } from "#base/mod.ts";
import type { DownloadEffect, DownloadEvent } from "#core/download/mod.ts";
import { wantsMax } from "#core/swarm/mod.ts";
import type { Host } from "./host.ts";
import type { Sender } from "./sender.ts";
import type { Watcher } from "./watcher.ts";
import type { Wire } from "./wire.ts";

/** A piece that the first parent has not begun is asked of a second one only after so long. */
const lateMsMin = 1_000;
const windowMs = 1_000;

interface Asked {
  readonly atMs: number;
  begun: boolean;
  cancelled: boolean;
}

/** What passed a line end lately: when it began, and what the line could have carried by then. */
interface Passage {
  readonly bytes: number;
  readonly beganMs: number;
  readonly capacityBytes: number;
}

/** What the checker knows of one life of a host, beside its brain. */
class Record {
  readonly listed = new Set<number>();
  readonly held = new Set<number>();
  /** Parent -> piece -> since when it is asked of it. */
  readonly asked = new Map<string, Map<number, Asked>>();

  constructor(held: Iterable<number>) {
    for (const index of held) this.held.add(index);
  }
}

export class Checks implements Watcher {
  /** The cluster's, once it is there. */
  clock: { readonly nowMs: number } = { nowMs: 0 };
  readonly #trace: ((line: string) => void) | undefined;
  readonly #records = new Map<Host, Record>();
  readonly #uplinks = new Map<Sender, Passage[]>();
  readonly #downlinks = new Map<Host, Passage[]>();
  readonly #under = new Map<Wire, { readonly up: Passage; readonly down: Passage }>();
  /** Pieces with wrong bytes that were told to their receivers. */
  lies = 0;

  constructor(trace?: (line: string) => void) {
    this.#trace = trace;
  }

  event(host: Host, event: DownloadEvent): void {
    if (event.kind !== "tick" && !(event.kind === "had" && event.indices.length === 0))
      this.#trace?.(this.#line(host.id, told(event)));
    const record = this.#recordOf(host);
    switch (event.kind) {
      case "listed":
        for (const index of event.indices) record.listed.add(index);
        return;
      case "started": {
        const asked = record.asked.get(event.parent)?.get(event.index);
        if (asked !== undefined) asked.begun = true;
        return;
      }
      case "stored":
        this.#check(record.listed.has(event.index), host, `stores ${event.index}, which is not listed`);
        record.held.add(event.index);
        record.asked.get(event.parent)?.delete(event.index);
        return;
      case "bad":
        this.lies++;
        record.asked.get(event.parent)?.delete(event.index);
        return;
      case "cancelled":
        for (const index of event.indices) record.asked.get(event.parent)?.delete(index);
        return;
      case "closed":
        record.asked.delete(event.parent);
        return;
      default:
    }
  }

  effect(host: Host, effect: DownloadEffect): void {
    this.#trace?.(this.#line(host.id, told(effect)));
    const record = this.#recordOf(host);
    switch (effect.kind) {
      case "want":
        for (const index of effect.indices) this.#wanted(host, record, effect.parent, index);
        return this.#checkInbound(host, record);
      case "cancel":
        for (const index of effect.indices) {
          const asked = record.asked.get(effect.parent)?.get(index);
          if (asked !== undefined) asked.cancelled = true;
        }
        return;
      case "hang-up":
        record.asked.delete(effect.parent);
        return;
      case "accuse": {
        const accused = host.options.senderOf(effect.parent);
        this.#check(accused !== undefined && accused.lies > 0, host, `accuses ${effect.parent}, which is honest`);
        return;
      }
      case "dial":
    }
  }

  stored(host: Host, index: number): void {
    this.#check(this.#recordOf(host).held.has(index), host, `serves ${index}, which never came with right bytes`);
  }

  asked(parent: Sender, standing: number): void {
    this.#check(standing <= wantsMax, parent, `has ${standing} wants of one child`);
  }

  began(wire: Wire, index: number): void {
    const { child, parent, bytes } = wire;
    this.#check(parent.held.has(index), parent, `sends ${index}, which it does not hold`);
    const beganMs = this.clock.nowMs;
    const up = { bytes, beganMs, capacityBytes: parent.uplink.capacityBytes };
    const down = { bytes, beganMs, capacityBytes: child.downlink.capacityBytes(beganMs) };
    this.#under.set(wire, { up, down });
  }

  passed(wire: Wire, index: number): void {
    const { child, parent } = wire;
    const passage = this.#under.get(wire);
    this.#check(passage !== undefined, parent, `ends ${index}, which never began`);
    this.#under.delete(wire);
    this.#fits(parent, "sends", this.#uplinks, parent, passage!.up, parent.uplink.capacityBytes);
    this.#fits(
      child,
      "receives",
      this.#downlinks,
      child,
      passage!.down,
      child.downlink.capacityBytes(this.clock.nowMs),
    );
  }

  died(host: Host): void {
    this.#records.set(host, new Record(host.held.indices()));
  }

  note(who: string, what: string): void {
    this.#trace?.(this.#line(who, what));
  }

  #recordOf(host: Host): Record {
    let record = this.#records.get(host);
    if (record === undefined) this.#records.set(host, (record = new Record(host.held.indices())));
    return record;
  }

  #wanted(host: Host, record: Record, parent: string, index: number): void {
    // A host whose clock is wrong waits as long as it believes to.
    const { nowMs } = host.clock;
    this.#check(record.listed.has(index), host, `asks ${parent} for ${index}, which is not listed`);
    this.#check(!record.held.has(index), host, `asks ${parent} for ${index}, which it holds`);
    for (const [other, pieces] of record.asked) {
      const asked = pieces.get(index);
      if (other === parent || asked === undefined || asked.begun) continue;
      const sinceMs = Math.round(nowMs - asked.atMs);
      this.#check(
        sinceMs >= lateMsMin,
        host,
        `asks ${parent} for ${index}, which stands with ${other} since ${sinceMs} ms`,
      );
    }
    let pieces = record.asked.get(parent);
    if (pieces === undefined) record.asked.set(parent, (pieces = new Map()));
    pieces.set(index, { atMs: nowMs, begun: false, cancelled: false });
  }

  #checkInbound(host: Host, record: Record): void {
    const standing = new Set<number>();
    for (const pieces of record.asked.values()) {
      for (const [index, asked] of pieces) if (!asked.cancelled && !record.held.has(index)) standing.add(index);
    }
    // A parent may begin what was asked of it long ago; it sends one at a time.
    const most = host.inboundMax + host.parents.size;
    this.#check(standing.size <= most, host, `has ${standing.size} pieces standing with parents, at most ${most}`);
  }

  #fits<Key>(who: Sender, does: string, lines: Map<Key, Passage[]>, key: Key, passage: Passage, bytes: number): void {
    const fromMs = this.clock.nowMs - windowMs;
    const passages = (lines.get(key) ?? []).filter(({ beganMs }) => beganMs >= fromMs);
    if (passage.beganMs >= fromMs) passages.push(passage);
    lines.set(key, passages);
    for (const { beganMs, capacityBytes } of passages) {
      let carriedBytes = 0;
      for (const other of passages) if (other.beganMs >= beganMs) carriedBytes += other.bytes;
      const room = bytes - capacityBytes + passage.bytes;
      const ms = Math.round(this.clock.nowMs - beganMs);
      this.#check(carriedBytes <= room, who, `${does} ${carriedBytes} bytes in ${ms} ms, at most ${Math.round(room)}`);
    }
  }

  #check(holds: boolean, who: { readonly id: string }, otherwise: string): void {
    if (holds) return;
    this.note(who.id, `broken: ${otherwise}`);
    throw new AssertionError(this.#line(who.id, otherwise));
  }

  #line(who: string, what: string): string {
    return `${this.clock.nowMs.toFixed(2)} ms ${who} ${what}`;
  }
}

function told(word: DownloadEvent | DownloadEffect): string {
  const facts: string[] = [word.kind];
  if ("parent" in word) facts.push(word.parent);
  if ("offer" in word) facts.push(word.offer.id);
  if ("offers" in word) facts.push(word.offers.map((offer) => offer.id).join(" "));
  if ("index" in word) facts.push(`${word.index}`);
  if ("indices" in word) facts.push(word.indices.join(","));
  if ("pieces" in word) facts.push(`${typeof word.pieces === "number" ? word.pieces : word.pieces.count}`);
  if ("reason" in word) facts.push(`${word.sever ? "sever" : "leave"}: ${word.reason}`);
  return facts.join(" ");
}
