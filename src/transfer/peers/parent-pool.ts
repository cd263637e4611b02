/**
 * The connections from this host to its parents: one per parent, shared by all tasks, dialled when
 * first needed and closed a little after the last task left.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { protocolVersion, type ParentOffer } from "#core/protocol/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Dialled, Dialler } from "#platform/sockets/connection.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import type { Limiter } from "../limits/mod.ts";
import { ParentConnection } from "./parent-connection.ts";

const dialTimeoutMs = 5_000;
const idleMsMax = 10_000;

export interface ParentPoolOptions {
  readonly clock: Clock;
  readonly dialler: Dialler;
  readonly limiter: Limiter;
  readonly host: string;
  /** Proves who we are; absent with --trust off. */
  readonly key?: SigningKey;
}

export class ParentPool {
  readonly #options: ParentPoolOptions;
  readonly #connections = new Map<string, Promise<ParentConnection>>();
  #closed = false;

  constructor(options: ParentPoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** The connection to a parent, dialled if need be. Rejects with a DarnerError. */
  connect(offer: ParentOffer): Promise<ParentConnection> {
    const address = `${offer.address}:${offer.port}`;
    const known = this.#connections.get(address);
    if (known !== undefined) return known;
    const dialling = this.#dial(offer, address);
    this.#connections.set(address, dialling);
    dialling.catch(() => this.#forget(address, dialling));
    return dialling;
  }

  close(): void {
    this.#closed = true;
    for (const dialling of this.#connections.values()) {
      dialling.then(
        (parent) => parent.close(),
        () => undefined,
      );
    }
  }

  #forget(address: string, dialling: Promise<ParentConnection>): void {
    if (this.#connections.get(address) === dialling) this.#connections.delete(address);
  }

  async #dial(offer: ParentOffer, address: string): Promise<ParentConnection> {
    const { clock, dialler, limiter, host, key } = this.#options;
    const parent = new ParentConnection(limiter, clock);
    const onClose = (reason: string): void => {
      this.#connections.delete(address);
      parent.ended(reason);
    };
    const version = `${protocolVersion.major}.${protocolVersion.minor}`;
    const headers = { "Darner-Version": version, "Darner-Host": host };
    const dialled = await dialler
      .dial(
        { host: offer.address, port: offer.port, path: "/pieces", headers, timeoutMs: dialTimeoutMs },
        { onClose },
        parent,
      )
      .catch((error: unknown): DarnerError => asDarnerError(error));
    if ("code" in dialled) throw dialled;
    parent.attach(dialled.connection);
    if (this.#closed) dialled.connection.close();
    if (key !== undefined) parent.prove(key.publicKey, key.sign("piece-plane", nonceFor(offer, dialled)));
    // Nobody has opened a channel yet, and perhaps nobody will.
    parent.idleSinceMs = clock.nowMs();
    this.#watchIdle(parent, clock);
    return parent;
  }

  #watchIdle(parent: ParentConnection, clock: Clock): void {
    clock.after(
      idleMsMax,
      () => {
        if (parent.closed) return;
        // The last channel may also have been closed by the parent, which no one told us the time of.
        if (parent.channels === 0) parent.idleSinceMs ??= clock.nowMs();
        if (parent.idleSinceMs !== undefined && clock.nowMs() - parent.idleSinceMs >= idleMsMax) parent.close();
        else this.#watchIdle(parent, clock);
      },
      { background: true },
    );
  }
}

/**
 * What is to be signed for this parent. It begins with the parent's own id, so that a parent which
 * passes on another's nonce gets no proof to show there. Throws `cluster.refused`.
 */
function nonceFor(offer: ParentOffer, { headers, connection }: Dialled): string {
  const nonce = headers["darner-nonce"];
  if (nonce?.startsWith(`${offer.id}:`) === true) return nonce;
  connection.close();
  const says = "it asks for a proof that is not meant for it";
  throw new DarnerError("cluster.refused", `cannot use the parent at ${offer.address}:${offer.port}: ${says}`);
}
