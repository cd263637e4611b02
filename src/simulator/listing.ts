/**
 * How the manager tells its hosts which pieces there are: in rounds, slice by slice, as the product does
 * (services/cluster-manager/tasks/listing.ts) and at its own pace (core/swarm/pace.ts), so that news of a piece
 * reaches some hosts at once and the last of many when the round comes to them.
 */

import { listEveryMs, gatherNewsMs, listSlice } from "#core/swarm/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import type { ControlLink } from "./control-link.ts";

const notGreeted = -1;

export interface ListingOptions {
  readonly agenda: Agenda;
  /** Pieces that exist. */
  readonly pieces: number;
  /** A host that waited for the object to begin is told of it; joins the listing. */
  readonly greet: (link: ControlLink) => void;
}

export class Listing implements Actor {
  readonly #options: ListingOptions;
  readonly #links = new Set<ControlLink>();
  readonly #stored: number[] = [];
  #round: Iterator<ControlLink> | undefined;
  #roundStartedMs = -Infinity;
  #roundLines = 0;
  #hurry = true;
  /** The look that counts; earlier ones are void. */
  #timer = 0;
  #waits = false;
  /** What is told to who has heard so many lines; of use while no line is added. */
  readonly #texts = new Map<number, readonly number[]>();
  #textLines = 0;

  constructor(options: ListingOptions, stored: Iterable<number>) {
    this.#options = options;
    for (const index of stored) this.#stored.push(index);
  }

  /** These waited for the object to begin. */
  invite(links: Iterable<ControlLink>): void {
    for (const link of links) {
      link.linesTold = notGreeted;
      this.#links.add(link);
    }
    this.#begin();
  }

  join(link: ControlLink): void {
    link.linesTold = 0;
    this.#links.add(link);
    this.tell(link);
  }

  leave(link: ControlLink): void {
    this.#links.delete(link);
  }

  stop(): void {
    this.#timer++;
    this.#links.clear();
  }

  stored(index: number): void {
    this.#stored.push(index);
    if (this.#stored.length === this.#options.pieces) {
      this.#hurry = true;
      this.#begin();
    } else if (this.#round === undefined && !this.#waits) this.#beginLater();
  }

  /** Brings one host up to date; false when it is already. */
  tell(link: ControlLink): boolean {
    const heard = link.linesTold;
    const lines = this.#stored.length;
    if (heard === lines || !this.#links.has(link)) return false;
    if (heard === notGreeted) {
      this.#options.greet(link);
      return true;
    }
    link.linesTold = lines;
    link.listed(this.#since(heard));
    if (lines === this.#options.pieces) link.ended(lines);
    return true;
  }

  on(_code: number, timer: unknown): void {
    if (timer !== this.#timer) return;
    this.#waits = false;
    if (this.#round === undefined) this.#begin();
    else this.#slice();
  }

  #after(delayMs: number): void {
    this.#waits = true;
    this.#options.agenda.after(delayMs, this, 0, ++this.#timer);
  }

  #begin(): void {
    this.#timer++;
    this.#waits = false;
    this.#round = this.#links.values();
    this.#roundStartedMs = this.#options.agenda.nowMs;
    this.#roundLines = this.#stored.length;
    this.#slice();
  }

  #beginLater(): void {
    const dueMs = this.#hurry
      ? 0
      : this.#roundStartedMs + listEveryMs(this.#links.size, this.#stored.length) - this.#options.agenda.nowMs;
    this.#after(Math.max(gatherNewsMs, dueMs));
  }

  #slice(): void {
    for (let told = 0; told < listSlice.hosts;) {
      const next = this.#round?.next();
      if (next === undefined || next.done === true) return this.#roundOver();
      if (this.tell(next.value)) told++;
    }
    const slices = Math.max(1, this.#links.size / listSlice.hosts);
    this.#after(
      this.#hurry
        ? listSlice.hurryMs
        : Math.max(listSlice.hurryMs, listEveryMs(this.#links.size, this.#stored.length) / slices),
    );
  }

  #roundOver(): void {
    this.#round = undefined;
    this.#hurry = this.#roundLines === 0;
    if (this.#stored.length > this.#roundLines) this.#beginLater();
  }

  #since(heard: number): readonly number[] {
    if (this.#textLines !== this.#stored.length) this.#texts.clear();
    this.#textLines = this.#stored.length;
    let text = this.#texts.get(heard);
    if (text === undefined) this.#texts.set(heard, (text = this.#stored.slice(heard)));
    return text;
  }
}
