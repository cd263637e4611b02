/**
 * What the manager vouches for, as a host keeps it: the digest of each listed piece, and at the end
 * the length and the proved digests of the whole. It only grows; a withdrawn one is thrown away.
 *
 * Invariants:
 *  1. With a key, a line counts only when the manager's signature covers it and every line before it.
 *  2. What was refused counts for nothing; behind it nothing counts either, until a new first line.
 */

import type { ManifestHead, RecalledManifest } from "#core/protocol/mod.ts";
import { signatureHolds } from "#platform/keys/signing.ts";
import { endSeal, ManifestChain } from "./manifest-chain.ts";

const digestBytes = 32;

export interface ListedLines {
  /** How many lines came before. */
  readonly from: number;
  readonly indices: readonly number[];
  readonly digests: string;
  readonly signature?: string;
}

export interface EndLine {
  readonly lengthBytes: number;
  readonly digests: readonly string[];
  readonly signature?: string;
}

/** What one manager told, for another that takes over. */
interface Told {
  readonly head: ManifestHead;
  readonly managerKey: string | undefined;
  readonly order: number[];
  /** Over all lines so far. */
  signature?: string | undefined;
  end?: EndLine;
}

export class Manifest {
  readonly head: ManifestHead;
  readonly #digests: (Uint8Array | undefined)[] = [];
  #end: EndLine | undefined;
  #managerKey: string | undefined;
  #chain: ManifestChain;
  #told: Told;
  /** What an earlier manager told, as long as the present one has told less. */
  #toldBefore: Told | undefined;

  /** Without a key nothing is signed: trust is off. */
  constructor(head: ManifestHead, managerKey?: string) {
    this.head = head;
    this.#managerKey = managerKey;
    this.#chain = new ManifestChain(head);
    this.#told = { head, managerKey, order: [] };
  }

  get lengthBytes(): number | undefined {
    return this.#end?.lengthBytes ?? this.head.lengthBytes;
  }

  get end(): EndLine | undefined {
    return this.#end;
  }

  digestOf(index: number): Uint8Array | undefined {
    return this.#digests[index];
  }

  /** The manager, or another one, tells it from its first line again; what is known stays. */
  restart(head: ManifestHead, managerKey: string | undefined): void {
    this.#managerKey = managerKey;
    this.#chain = new ManifestChain(head);
    if (this.#told.order.length > (this.#toldBefore?.order.length ?? -1)) this.#toldBefore = this.#told;
    this.#told = { head, managerKey, order: [] };
  }

  /** What another manager may take over: the lines as one manager told and signed them, the most that are known. */
  recalled(): RecalledManifest {
    const before = this.#toldBefore;
    const told = before !== undefined && before.order.length > this.#told.order.length ? before : this.#told;
    const { head, managerKey, order, signature, end } = told;
    return {
      head,
      indices: [...order],
      digests: joinDigests(order.map((index) => this.#digests[index]!)),
      ...(managerKey === undefined ? {} : { managerKey }),
      ...(signature === undefined ? {} : { signature }),
      ...(end === undefined ? {} : { end }),
    };
  }

  /** Adds lines of the manager, or says why they do not count. */
  list({ from, indices, digests, signature }: ListedLines): string | null {
    if (from !== this.#told.order.length)
      return `its next line is ${this.#told.order.length}, but lines from ${from} came`;
    const bytes = Buffer.from(digests, "base64");
    if (bytes.length !== indices.length * digestBytes) return "a line is malformed";
    if (!indices.every((index) => Number.isInteger(index) && index >= 0 && index < 2 ** 32)) return "an index is none";
    const digest = (position: number): Uint8Array =>
      bytes.subarray(position * digestBytes, (position + 1) * digestBytes);
    if (this.#managerKey !== undefined) {
      for (const [position, index] of indices.entries()) this.#chain.add(index, digest(position));
      if (!this.#signed(this.#chain.seal(), signature)) return "its lines are not those that the manager signed";
    }
    for (const [position, index] of indices.entries()) this.#digests[index] = digest(position);
    for (const index of indices) this.#told.order.push(index);
    this.#told.signature = signature;
    return null;
  }

  /** Adds the last line, or says why it does not count. */
  finish(end: EndLine): string | null {
    const { lengthBytes, digests, signature } = end;
    if (this.#managerKey !== undefined && !this.#signed(endSeal(this.#chain.seal(), lengthBytes, digests), signature))
      return "its last line is not the one that the manager signed";
    this.#end = end;
    this.#told.end = end;
    return null;
  }

  #signed(seal: Uint8Array, signature: string | undefined): boolean {
    return signatureHolds(this.#managerKey!, "manifest", seal, signature ?? "");
  }
}

/** The text of a `listed` message's digests. */
export function joinDigests(digests: readonly Uint8Array[]): string {
  return Buffer.concat(digests).toString("base64");
}
