/**
 * The lines between sites, as a fluid: each site has one line out and one line in, which all pieces
 * share that cross at the time. A piece that crosses passes the line out of its parent's site and the
 * line into its child's at once; the rates are max-min fair (progressive filling: the line that gives
 * its pieces least is filled first), which is what many TCP streams of like round trips come to.
 * A piece is whole at the child when it is out of its parent's uplink, through these lines, and through
 * the child's downlink. Not modelled: loss and slow start, which long lines feel most.
 */

import { assert } from "#base/mod.ts";
import type { Actor, Agenda } from "./agenda.ts";
import { nearlyNothingBytes } from "./lines.ts";
import type { Wire } from "./wire.ts";

export interface SitePlan {
  readonly inBytesPerSecond: number;
  readonly outBytesPerSecond: number;
  /** One way from the site to the middle of all, beside what is within a site. */
  readonly latencyMs: number;
}

class Line {
  readonly bytesPerMs: number;
  carriedBytes = 0;
  /** While rates are found: pieces that have none yet, and what is left for them. */
  sharing = 0;
  leftPerMs = 0;

  constructor(bytesPerSecond: number) {
    assert(bytesPerSecond > 0, "a line between sites has a rate");
    this.bytesPerMs = bytesPerSecond / 1000;
  }
}

interface Crossing {
  readonly wire: Wire;
  readonly out: Line;
  readonly into: Line;
  leftBytes: number;
  /** -1 while it is not found. */
  bytesPerMs: number;
  held: boolean;
}

export class SiteLines implements Actor {
  readonly #agenda: Agenda;
  readonly #lines: readonly { readonly out: Line; readonly into: Line }[];
  readonly #crossings = new Map<Wire, Crossing>();
  #lastMs = 0;
  #dueMs = Infinity;

  constructor(agenda: Agenda, sites: readonly SitePlan[]) {
    this.#agenda = agenda;
    this.#lines = sites.map((site) => ({
      out: new Line(site.outBytesPerSecond),
      into: new Line(site.inBytesPerSecond),
    }));
  }

  /** What came into the site from others, cut-off pieces included. */
  intoBytes(site: number): number {
    return this.#lines[site]!.into.carriedBytes;
  }

  outBytes(site: number): number {
    return this.#lines[site]!.out.carriedBytes;
  }

  /** The piece that begins on the connection goes from one site to another. */
  start(wire: Wire, from: number, to: number): void {
    this.#advance();
    const [out, into] = [this.#lines[from]!.out, this.#lines[to]!.into];
    wire.crossing = true;
    this.#crossings.set(wire, { wire, out, into, leftBytes: wire.bytes, bytesPerMs: 0, held: false });
    this.#share();
  }

  /** The connection is gone: what has crossed of its piece has crossed in vain. */
  abandon(wire: Wire): void {
    this.#advance();
    if (this.#crossings.delete(wire)) this.#share();
  }

  /** The connection fell silent, or is heard again. */
  hold(wire: Wire, held: boolean): void {
    const crossing = this.#crossings.get(wire);
    if (crossing === undefined || crossing.held === held) return;
    this.#advance();
    crossing.held = held;
    this.#share();
  }

  on(_code: number, dueMs: unknown): void {
    if (dueMs !== this.#dueMs) return;
    this.#dueMs = Infinity;
    this.#advance();
    const through: Crossing[] = [];
    for (const crossing of this.#crossings.values()) {
      const { leftBytes, bytesPerMs } = crossing;
      if (leftBytes <= nearlyNothingBytes(bytesPerMs, this.#agenda.stepMs)) through.push(crossing);
    }
    for (const { wire } of through) this.#crossings.delete(wire);
    this.#share();
    for (const { wire } of through) {
      wire.crossing = false;
      wire.parent.crossed(wire);
    }
  }

  #advance(): void {
    const { nowMs } = this.#agenda;
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (elapsedMs <= 0) return;
    for (const crossing of this.#crossings.values()) {
      const bytes = crossing.held ? 0 : Math.min(crossing.leftBytes, crossing.bytesPerMs * elapsedMs);
      crossing.leftBytes -= bytes;
      crossing.out.carriedBytes += bytes;
      crossing.into.carriedBytes += bytes;
    }
  }

  /** Finds every rate anew, and when the next piece is through. */
  #share(): void {
    for (const { out, into } of this.#lines) for (const line of [out, into]) begin(line);
    let open: Crossing[] = [];
    for (const crossing of this.#crossings.values()) {
      if (crossing.held) continue;
      crossing.bytesPerMs = -1;
      crossing.out.sharing++;
      crossing.into.sharing++;
      open.push(crossing);
    }
    let dueMs = Infinity;
    while (open.length > 0) {
      const tightest = this.#tightest();
      const bytesPerMs = tightest.leftPerMs / tightest.sharing;
      const left: Crossing[] = [];
      for (const crossing of open) {
        if (crossing.out !== tightest && crossing.into !== tightest) {
          left.push(crossing);
          continue;
        }
        crossing.bytesPerMs = bytesPerMs;
        for (const line of [crossing.out, crossing.into]) {
          line.sharing--;
          line.leftPerMs = Math.max(0, line.leftPerMs - bytesPerMs);
        }
        dueMs = Math.min(dueMs, crossing.leftBytes / bytesPerMs);
      }
      open = left;
    }
    if (dueMs === Infinity) return;
    this.#dueMs = this.#agenda.nowMs + Math.max(dueMs, 0);
    this.#agenda.after(Math.max(dueMs, 0), this, 0, this.#dueMs);
  }

  #tightest(): Line {
    let tightest: Line | undefined;
    for (const { out, into } of this.#lines) {
      for (const line of [out, into]) {
        if (line.sharing === 0) continue;
        if (tightest === undefined || line.leftPerMs / line.sharing < tightest.leftPerMs / tightest.sharing)
          tightest = line;
      }
    }
    assert(tightest !== undefined, "a piece without a rate is on a line");
    return tightest;
  }
}

function begin(line: Line): void {
  line.sharing = 0;
  line.leftPerMs = line.bytesPerMs;
}
