/**
 * One piece from one host, on a connection of its own: what a manager does to look at a host that
 * others accuse. It comes as a stranger with a key made for this one question, so that who lies to
 * hosts and not to managers cannot tell them apart by name.
 */

import { asDarnerError } from "#base/mod.ts";
import type { OpenRequest, ParentOffer } from "#core/protocol/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import type { Limiter } from "../limits/mod.ts";
import { ParentPool } from "./parent-pool.ts";

export interface FetchPieceOptions {
  readonly clock: Clock;
  readonly dialler: Dialler;
  readonly limiter: Limiter;
  readonly offer: ParentOffer;
  readonly request: OpenRequest;
  readonly index: number;
  readonly lengthBytes: number;
  readonly timeoutMs: number;
  readonly host: string;
  /** Absent with --trust off. */
  readonly key?: SigningKey;
}

/** The bytes, or why there are none. */
export type FetchedPiece = { readonly bytes: Uint8Array } | { readonly none: string };

export async function fetchPiece(options: FetchPieceOptions): Promise<FetchedPiece> {
  const { clock, dialler, limiter, offer, host, key, timeoutMs } = options;
  const pool = new ParentPool({ clock, dialler, limiter, host, ...(key === undefined ? {} : { key }) });
  let late = (): void => undefined;
  const timer = clock.after(timeoutMs, () => late(), { background: true });
  try {
    const parent = await pool.connect(offer);
    return await new Promise<FetchedPiece>((resolve) => {
      late = () => resolve({ none: "it did not send the piece in time" });
      const channel = parent.open(options.request, {
        onOpened: (pieces) => {
          if (pieces.has(options.index)) parent.want(channel, [options.index], 0);
          else resolve({ none: "it does not hold the piece any more" });
        },
        onHave: () => undefined,
        onPieceStart: (index, lengthBytes) => {
          const fits = index === options.index && lengthBytes === options.lengthBytes;
          if (!fits) resolve({ bytes: new Uint8Array(0) });
          return fits ? new Uint8Array(lengthBytes) : undefined;
        },
        onPieceBytes: () => undefined,
        onPiece: (_, bytes) => resolve({ bytes }),
        onCancelled: () => resolve({ none: "it does not hold the piece any more" }),
        onClosed: (reason) => resolve({ none: reason }),
      });
    });
  } catch (error) {
    return { none: asDarnerError(error).message };
  } finally {
    timer.cancel();
    pool.close();
  }
}
