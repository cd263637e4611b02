/** What a fetch from the origin is given, and what it tells. */

import type { Bitfield, DarnerError } from "#base/mod.ts";
import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { Digest } from "#core/model/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Gate } from "#platform/sockets/connection.ts";
import type { Random } from "#platform/machine/random.ts";
import type { ObjectRecord, PieceFile } from "#storage/pieces/mod.ts";
import type { BodyAnswer } from "./origin-answer.ts";
import type { Sealing } from "../rights/mod.ts";

export interface OriginFetchOptions {
  readonly origin: Origin;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: PieceFile;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: Caller;
  /** What the object must hash to; what the origin tells is added. */
  readonly expected: readonly Digest[];
  /** Prove SHA-256 even when nobody expects it (a manager's last line states it). */
  readonly proveAlways: boolean;
  /** Only these bytes of the object; the piece file then holds just them. */
  readonly window?: { readonly start: number; readonly end?: number };
  readonly connectionsMax: number;
  /**
   * The shortest back half of what is left that is worth a connection of its own. What the path holds
   * when the first answer is cut there (both sides' buffers, up to 10 MB on a fast path) is lost.
   */
  readonly splitBytesMin: number;
  /** Hosts that will probably want it: decides the piece length. */
  readonly hosts: number;
  readonly pieceBytes?: number;
  /** The object is to lie sealed. */
  readonly sealing?: Sealing;
  readonly limiter: Gate;
  /** Failures in a row, without a new piece between them, before giving up. */
  readonly triesMax: number;
  /**
   * Pieces that others bring into the store meanwhile: the origin is asked only for those of them that
   * are missing when `ended` resolves. The object in the store has begun, with a strong validator.
   */
  readonly beside?: { readonly pieces: Bitfield; readonly ended: Promise<void> };
  /** An answer that is already open (a revalidation that found a new version). */
  readonly opened?: BodyAnswer;
  readonly signal: AbortSignal;
  /** Names the version that begins. */
  generationOf(facts: {
    readonly validator: string | undefined;
    readonly lengthBytes: number | undefined;
    readonly pieceBytes: number;
    readonly sealKeyId: string | undefined;
  }): string;
  /** A new object is about to begin; may refuse it by throwing. */
  onObject?(object: ObjectRecord, facts: ResponseFacts): Promise<void> | void;
  /** It has begun: pieces told before are void. */
  onBegun?(): void;
  onPiece?(index: number, digest: Uint8Array): void;
  onBytes?(count: number): void;
  onRetry?(error: DarnerError, delayMs: number): void;
}
