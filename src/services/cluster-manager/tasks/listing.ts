/**
 * Tells the hosts of one version its growing manifest: which pieces are stored, with their digests,
 * and at last its end.
 *
 * The news goes round the hosts in slices. The first rounds and the last are in a hurry; those between
 * take as long as `listEveryMs` allows so many hosts. In a slow round each slice hears all that is
 * known by then, so that some hosts always know the newest pieces and begin to spread them.
 *
 * Invariants:
 *  1. A host hears each line once, in the order in which the pieces were stored; the end comes last.
 *     Each message is signed over all lines up to its own last one.
 *  2. The loop is free again after a slice; each text is encoded once for its slice.
 *  3. Whoever is told something comes up to date by it: its next news is a round away.
 */

import { assert } from "#base/mod.ts";
import type { ManagerMessage, ManifestHead } from "#core/protocol/mod.ts";
import { listEveryMs, gatherNewsMs, listSlice } from "#core/swarm/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { EndRecord, PieceFile } from "#storage/pieces/mod.ts";
import { endSeal, joinDigests, ManifestChain, sameForAll, type EndLine } from "#transfer/mod.ts";
import type { VersionHost } from "../hosts/mod.ts";

/** Digests in one message: 32 KiB of hashes. */
const listPiecesMax = 1024;

export interface ListingOptions {
  readonly clock: Clock;
  readonly head: ManifestHead;
  readonly store: PieceFile;
  /** Absent with --trust off. */
  readonly sign: Sign | undefined;
}

/** Signs for the purpose of manifests. */
export type Sign = (seal: Uint8Array) => string;

export class Listing {
  readonly #options: ListingOptions;
  /** How many lines each host has heard. */
  readonly #heard = new Map<VersionHost, number>();
  readonly #stored: { readonly index: number; readonly digest: Uint8Array }[];
  #chain: ManifestChain | undefined;
  /** What is to be signed after each line that ends a message, and signatures made. */
  readonly #seals: Uint8Array[] = [];
  readonly #signatures = new Map<number, string>();
  /** The round under way; it sees hosts that come and go meanwhile. */
  #round: Iterator<[VersionHost, number]> | undefined;
  #roundStartedMs = -Infinity;
  /** Lines that were known when the round began: at its end everybody has heard these. */
  #roundLines = 0;
  #hurry = true;
  #timer: Timer | undefined;
  /** What is told to who has heard so many lines; of use while no line is added. */
  readonly #texts = new Map<number, readonly ManagerMessage[]>();
  #textLines = 0;
  /** What was proved once stays true, whatever becomes of the manager's own copy. */
  #end: EndRecord | undefined;
  #endLine: EndLine | undefined;

  constructor(options: ListingOptions) {
    this.#options = options;
    this.#end = options.store.end;
    this.#stored = [...options.store.have.indices()].map((index) => ({ index, digest: this.#digestOf(index) }));
  }

  /** Tells the host all that is known; it hears news from now on. */
  join(host: VersionHost): void {
    this.#heard.set(host, 0);
    this.tell(host);
  }

  leave(host: VersionHost): void {
    this.#heard.delete(host);
  }

  leaveAll(): void {
    this.#heard.clear();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#heard.clear();
    this.#round = undefined;
  }

  /** A piece is stored. */
  stored(index: number): void {
    this.#stored.push({ index, digest: this.#digestOf(index) });
    if (this.#round !== undefined || this.#timer !== undefined) return;
    // Few hosts hear of the first piece at once: somebody may be reading.
    if (this.#roundStartedMs === -Infinity && this.#heard.size <= listSlice.hosts) this.#begin();
    else this.#beginLater();
  }

  /** The whole is proved. */
  ended(): void {
    this.#end = this.#options.store.end;
    this.#endLine = undefined;
    this.#hurry = true;
    this.#begin();
  }

  /** Brings one host up to date; false when it is already. */
  tell(host: VersionHost): boolean {
    const heard = this.#heard.get(host);
    const lines = this.#lines;
    if (heard === undefined || heard === lines) return false;
    this.#heard.set(host, lines);
    for (const message of this.#since(heard, lines)) host.send(message);
    return true;
  }

  /** The pieces, and the end as one more. */
  get #lines(): number {
    return this.#stored.length + (this.#end === undefined ? 0 : 1);
  }

  #begin(): void {
    this.#timer?.cancel();
    this.#round = this.#heard.entries();
    this.#roundStartedMs = this.#options.clock.nowMs();
    this.#roundLines = this.#lines;
    this.#slice();
  }

  /** The next round: when this one's time is over, and news has been gathered for a while. */
  #beginLater(): void {
    const { clock } = this.#options;
    const dueMs = this.#hurry
      ? 0
      : this.#roundStartedMs + listEveryMs(this.#heard.size, this.#stored.length) - clock.nowMs();
    this.#timer = clock.after(Math.max(gatherNewsMs, dueMs), () => this.#begin());
  }

  #slice(): void {
    this.#timer = undefined;
    for (let told = 0; told < listSlice.hosts;) {
      const next = this.#round?.next();
      if (next === undefined || next.done === true) return this.#roundOver();
      if (this.tell(next.value[0])) told++;
    }
    const slices = Math.max(1, this.#heard.size / listSlice.hosts);
    const delayMs = this.#hurry
      ? listSlice.hurryMs
      : Math.max(listSlice.hurryMs, listEveryMs(this.#heard.size, this.#stored.length) / slices);
    this.#timer = this.#options.clock.after(delayMs, () => this.#slice());
  }

  #roundOver(): void {
    this.#round = undefined;
    this.#hurry = this.#roundLines === 0;
    if (this.#lines > this.#roundLines) this.#beginLater();
  }

  #since(heard: number, lines: number): readonly ManagerMessage[] {
    if (this.#textLines !== lines) this.#texts.clear();
    this.#textLines = lines;
    const known = this.#texts.get(heard);
    if (known !== undefined) return known;
    const messages = this.#write(heard);
    this.#texts.set(heard, messages);
    return messages;
  }

  #write(heard: number): ManagerMessage[] {
    const { task, generation } = this.#options.head;
    const messages: ManagerMessage[] = [];
    for (let from = heard; from < this.#stored.length; from += listPiecesMax) {
      const lines = this.#stored.slice(from, from + listPiecesMax);
      const indices = lines.map(({ index }) => index);
      const digests = joinDigests(lines.map(({ digest }) => digest));
      const signature = this.#signLines(from + lines.length);
      messages.push(sameForAll({ kind: "listed", task, generation, from, indices, digests, ...signature }));
    }
    if (this.end !== undefined) messages.push(sameForAll({ kind: "ended", task, generation, ...this.end }));
    return messages;
  }

  #signLines(lines: number): { readonly signature?: string } {
    const { sign } = this.#options;
    if (sign === undefined) return {};
    const signature = this.#signatures.get(lines) ?? sign(this.#sealAfter(lines));
    this.#signatures.set(lines, signature);
    return { signature };
  }

  /** The last line, once the whole is proved. */
  get end(): EndLine | undefined {
    if (this.#end === undefined) return undefined;
    const { sign } = this.#options;
    const { lengthBytes, digests } = this.#end;
    const seal = (): Uint8Array => endSeal(this.#sealAfter(this.#stored.length), lengthBytes, digests);
    return (this.#endLine ??= { lengthBytes, digests, ...(sign === undefined ? {} : { signature: sign(seal()) }) });
  }

  #sealAfter(lines: number): Uint8Array {
    this.#chain ??= new ManifestChain(this.#options.head);
    if (this.#seals.length === 0) this.#seals.push(this.#chain.seal());
    while (this.#seals.length <= lines) {
      const { index, digest } = this.#stored[this.#seals.length - 1]!;
      this.#chain.add(index, digest);
      this.#seals.push(this.#chain.seal());
    }
    return this.#seals[lines]!;
  }

  #digestOf(index: number): Uint8Array {
    const digest = this.#options.store.digestOf(index);
    assert(digest !== undefined, "a stored piece has a digest");
    return digest;
  }
}
