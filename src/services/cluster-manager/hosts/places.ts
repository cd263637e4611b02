/**
 * The places from which this cluster fetched a guarded version to a proved end. Whoever asks for its
 * digest at another place gets it once that place has given the same bytes for his credential.
 *
 * Invariants:
 *  1. No place counts that did not give all the bytes; one that merely names the digest proves nothing.
 *  2. One proof of a place runs at a time; who asks meanwhile shares it.
 */

import { DarnerError } from "#base/mod.ts";
import { placeOf } from "#core/image/mod.ts";
import { parseDigest } from "#core/model/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import type { Origin } from "#origins/mod.ts";
import { streamingDigest } from "#platform/keys/digest.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import type { Limiter } from "#transfer/mod.ts";

/** Of one version; more are proved each time anew. */
const placesMax = 256;

export interface PlacesOptions {
  readonly origin: Origin;
  readonly limiter: Limiter;
  readonly log: Log;
  readonly task: string;
  readonly signal: AbortSignal;
  readonly onOriginBytes: (count: number) => void;
}

export class Places {
  readonly #options: PlacesOptions;
  readonly #proving = new Map<string, Promise<void>>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** The version was fetched from there to its proved end. */
  add(store: PieceFile, url: string): void {
    const places = placesOf(store);
    const place = placeOf(url);
    if (places.includes(place) || places.length >= placesMax) return;
    store.annotate({ ...store.object?.notes, places: [...places, place] });
  }

  /** Resolves when the place of the ask has given these bytes. Rejects with why not. */
  async assertProved(store: PieceFile, ask: TaskAsk, caller: Caller): Promise<void> {
    const place = placeOf(ask.url);
    if (placesOf(store).includes(place)) return;
    const running = this.#proving.get(place);
    if (running !== undefined) return await running;
    const proving = this.#prove(store, ask, caller).finally(() => this.#proving.delete(place));
    this.#proving.set(place, proving);
    await proving;
  }

  async #prove(store: PieceFile, ask: TaskAsk, caller: Caller): Promise<void> {
    const { origin, limiter, log, task, signal, onOriginBytes } = this.#options;
    const { algorithm, hex } = parseDigest(ask.digest ?? "");
    const hash = streamingDigest(algorithm);
    const answer = await origin.open({ url: ask.url, headers: ask.headers, caller }, signal);
    if (answer.kind === "body") {
      let bytes = 0;
      for await (const chunk of answer.body) {
        bytes += chunk.length;
        if (bytes > (store.clearLengthBytes ?? Infinity)) break;
        onOriginBytes(chunk.length);
        limiter.charge(chunk.length);
        hash.update(chunk);
        if (limiter.blocked) await limiter.ready();
      }
      if (hash.hex() === hex) return this.add(store, ask.url);
    }
    const place = placeOf(ask.url);
    log.warn("right.refused", { task, place, reason: "it named the digest but gave other bytes" });
    const says = `${place} names this digest and gives other bytes; a right to it is proved where it is`;
    throw new DarnerError("origin.forbidden", `cannot give ${ask.digest}: ${says}`);
  }
}

function placesOf(store: PieceFile): readonly string[] {
  const places = store.object?.notes?.["places"];
  return Array.isArray(places) ? (places as string[]) : [];
}
