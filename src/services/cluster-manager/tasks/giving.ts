/**
 * Gives one version of a small object to hosts that take it in one message each, in the place of a
 * manifest, parents and a piece connection.
 *
 * Invariants:
 *  1. Only what is whole and proved is given; who comes before that waits for it. What is sealed is not.
 *  2. So many bytes are given of a version; in a larger crowd hosts feed each other.
 *  3. What is given counts in the manager's upload rate.
 */

import { errorToWire } from "#base/mod.ts";
import { smallBytesMax, type ManifestHead } from "#core/protocol/mod.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { sameForAll, wholeMessage, type EndLine, type Uploads } from "#transfer/mod.ts";
import type { VersionHost } from "../hosts/mod.ts";

const givenBytesMax = 8 * 1024 * 1024;

export interface GivingOptions {
  readonly store: PieceFile;
  readonly uploads: Uploads;
}

/** Of one generation. */
interface Gift {
  readonly head: ManifestHead;
  readonly end: EndLine;
}

export class Giving {
  readonly #options: GivingOptions;
  /** Hosts that take the object so, and of them those that are to get it now. */
  readonly #takers = new Set<VersionHost>();
  readonly #next = new Map<VersionHost, Gift>();
  #promisedBytes = 0;
  #running = false;

  constructor(options: GivingOptions) {
    this.#options = options;
  }

  /** Somebody waits for the object. */
  get busy(): boolean {
    return this.#takers.size > 0;
  }

  takes(host: VersionHost): void {
    this.#takers.add(host);
  }

  leave(host: VersionHost): void {
    this.#takers.delete(host);
    this.#next.delete(host);
  }

  leaveAll(): void {
    this.#takers.clear();
    this.#next.clear();
  }

  /** Whether the host gets the object here, now or once it is whole; else it is one of the swarm. */
  accepts(host: VersionHost): boolean {
    if (!this.#takers.has(host)) return false;
    const { lengthBytes = Infinity, object } = this.#options.store;
    const isSmall = object?.seal === undefined && lengthBytes <= Math.min(smallBytesMax, object?.pieceBytes ?? 0);
    if (isSmall && this.#promisedBytes + lengthBytes <= givenBytesMax) {
      this.#promisedBytes += lengthBytes;
      return true;
    }
    this.leave(host);
    return false;
  }

  /** The version is another one from now on: who waits goes on waiting. */
  withdraw(): void {
    this.#next.clear();
  }

  /** The host's turn, or everybody's: the object is whole. */
  give(gift: Gift, host?: VersionHost): void {
    for (const taker of host === undefined ? this.#takers : [host]) this.#next.set(taker, gift);
    void this.#giveAll();
  }

  async #giveAll(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let first = firstOf(this.#next); first !== undefined; first = firstOf(this.#next)) await this.#giveOne(first);
    this.#running = false;
  }

  /** To all who are to have this one; never rejects. */
  async #giveOne(gift: Gift): Promise<void> {
    const { store, uploads } = this.#options;
    const { head, end } = gift;
    const message = await read(store, end.lengthBytes).then(
      (bytes) => sameForAll(wholeMessage(head, end, bytes)),
      (error: unknown) => sameForAll({ kind: "failed", task: head.task, error: errorToWire(error) } as const),
    );
    for (const [host, own] of this.#next) {
      if (own !== gift) continue;
      await uploads.pass(end.lengthBytes);
      if (this.#next.get(host) !== gift) continue;
      host.send(message);
      this.leave(host);
    }
  }
}

function firstOf(next: ReadonlyMap<VersionHost, Gift>): Gift | undefined {
  return next.values().next().value;
}

async function read(store: PieceFile, lengthBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(lengthBytes);
  if (lengthBytes > 0) await store.read(0, bytes);
  return bytes;
}
