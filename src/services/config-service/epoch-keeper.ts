/**
 * The epochs of a cluster: secrets that managers make the keys of sealed objects from. A new epoch begins
 * when the present one has lived its time, and with each revocation.
 *
 * 1. An epoch is told to anybody only once it is kept.
 * 2. Numbers only rise, also where what was kept is lost.
 * 3. Secrets go to managers that show their certificate, and into no log.
 * 4. Old epochs are kept a bounded time and number; beyond the number, those go that lived shortest.
 */

import { asDarnerError } from "#base/mod.ts";
import { sealEpochsMax, sealSecretBytes, type SealEpoch } from "#core/model/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Random } from "#platform/machine/random.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Watchers } from "./watchers.ts";

const lookMsMax = 60_000;

export interface KeptEpoch extends SealEpoch {
  readonly beganAtMs: number;
}

/** Where epochs lie, as safe as the authority's key. */
export interface EpochShelf {
  /** The present one last; none where nothing was kept. */
  read(): readonly KeptEpoch[];
  /** Throws where they cannot be kept. */
  write(epochs: readonly KeptEpoch[]): void;
}

export interface EpochKeeperOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly shelf: EpochShelf;
  readonly lifeMs: number;
  /** How long after its end an epoch's keys can be made again. */
  readonly keptMs: number;
  readonly watchers: Watchers;
}

export class EpochKeeper {
  readonly #options: EpochKeeperOptions;
  #epochs: readonly KeptEpoch[];
  #timer: Timer | undefined;

  constructor(options: EpochKeeperOptions) {
    this.#options = options;
    this.#epochs = options.shelf.read();
    this.#look();
  }

  /** The number of the present epoch; 0 before there is one. */
  get version(): number {
    return this.#epochs.at(-1)?.number ?? 0;
  }

  /** For managers. */
  get told(): { readonly version: number; readonly epochs: readonly SealEpoch[] } {
    return { version: this.version, epochs: this.#epochs.map(({ number, secret }) => ({ number, secret })) };
  }

  /** Begins a new epoch. Throws when it cannot be kept: then the present one goes on. */
  turn(reason: "time" | "revocation"): void {
    const { clock, random, log, shelf, watchers } = this.#options;
    const beganAtMs = clock.wallMs();
    const number = Math.max(this.version + 1, Math.floor(beganAtMs / 1000));
    const secret = Buffer.from(random.bytes(sealSecretBytes)).toString("base64");
    const epochs = this.#stillKept([...this.#epochs, { number, secret, beganAtMs }]);
    shelf.write(epochs);
    this.#epochs = epochs;
    log.info("seal-epoch.began", { number, reason, kept: epochs.length });
    watchers.wake();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #stillKept(epochs: readonly KeptEpoch[]): readonly KeptEpoch[] {
    const { clock, keptMs } = this.#options;
    const endOf = (at: number): number => epochs[at + 1]?.beganAtMs ?? Infinity;
    const wallMs = clock.wallMs();
    const young = epochs.filter((_, at) => wallMs - endOf(at) < keptMs);
    if (young.length <= sealEpochsMax) return young;
    const lives = new Map(epochs.map((epoch, at) => [epoch, endOf(at) - epoch.beganAtMs]));
    const shortest = young.reduce((least, epoch) => (lives.get(epoch)! < lives.get(least)! ? epoch : least));
    return young.filter((epoch) => epoch !== shortest);
  }

  /** The clock on the wall is looked at often, since a machine may have slept. */
  #look(): void {
    const { clock, lifeMs, log } = this.#options;
    const age = clock.wallMs() - (this.#epochs.at(-1)?.beganAtMs ?? -Infinity);
    // Of one that began in the future, as a clock that went wrong had it, nobody knows how long it would live.
    const isOver = age >= lifeMs || age < -lookMsMax;
    try {
      if (isOver) this.turn("time");
    } catch (error) {
      log.warn("seal-epoch.not-kept", { error: asDarnerError(error).message });
    }
    this.#timer = clock.after(Math.min(lifeMs, lookMsMax), () => this.#look(), { background: true });
  }
}
