/**
 * What the manager does about a host that others accuse of wrong bytes: it asks the accused to look at
 * its piece again, since its user may have edited the file, then fetches that piece from it as any
 * host would. Who is shut out by what came of it is core/swarm's Suspicion to say.
 */

import { bytesEqual } from "#base/mod.ts";
import type { HostCard } from "#core/protocol/mod.ts";
import { Suspicion, type Verdict } from "#core/swarm/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import { sha256 } from "#platform/keys/digest.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { newSigningKey, type SigningKey } from "#platform/keys/signing.ts";
import { fetchPiece, Limiter, signTicket } from "#transfer/mod.ts";

/** For its own look at the piece. */
const recheckMs = 1_000;
const fetchTimeoutMs = 10_000;
/** Looks side by side, each with one piece in memory. */
const looksMax = 8;

export interface AccusationsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dialler: Dialler;
  readonly key: SigningKey;
  readonly trust: boolean;
}

export interface AccusedOf {
  readonly task: string;
  readonly generation: string;
  readonly piece: number;
  readonly lengthBytes: number;
  readonly digest: Uint8Array;
}

export class Accusations {
  readonly suspicion = new Suspicion();
  readonly #options: AccusationsOptions;
  #looks = 0;

  constructor(options: AccusationsOptions) {
    this.#options = options;
  }

  /** Resolves with what the accused sends when it has had time to look itself. Never rejects. */
  async look(accused: HostCard, of: AccusedOf): Promise<Verdict> {
    const { clock, log } = this.#options;
    if (this.#looks >= looksMax) return "unknown";
    this.#looks++;
    try {
      await sleep(clock, recheckMs);
      const fetched = await this.#fetch(accused, of);
      const verdict = "none" in fetched ? "unknown" : bytesEqual(sha256(fetched.bytes), of.digest) ? "right" : "wrong";
      const found = "none" in fetched ? fetched.none : `its piece has ${verdict} bytes`;
      log.warn("peer.looked-at", { task: of.task, accused: accused.id, piece: of.piece, found });
      return verdict;
    } finally {
      this.#looks--;
    }
  }

  #fetch(accused: HostCard, of: AccusedOf): ReturnType<typeof fetchPiece> {
    const { clock, dialler, key, trust } = this.#options;
    const { task, generation, piece, lengthBytes } = of;
    const asked = newSigningKey();
    const rights = trust ? { ticket: signTicket(key, task, asked.id, clock.wallMs()) } : {};
    return fetchPiece({
      clock,
      dialler,
      limiter: new Limiter(clock, Infinity),
      offer: { id: accused.id, address: accused.address, port: accused.port, seed: false },
      request: { task, generation, ...rights },
      index: piece,
      lengthBytes,
      timeoutMs: fetchTimeoutMs,
      host: asked.id,
      ...(trust ? { key: asked } : {}),
    });
  }
}
