/**
 * Regains that follow one another: when the manager that lends an object is lost, its successor is asked,
 * who has it or is getting it; and the successor itself looks at what its hosts hold. So the loss of an
 * owner whom many managers help costs the origin no more than the pieces that nobody has.
 */

import type { Regain } from "./regain.ts";
import type { TakenOver } from "./takeover.ts";

export interface RegainChainOptions {
  readonly first: TakenOver;
  readonly begin: (found: TakenOver) => Regain;
  /** Where the pieces come from that are still missing; undefined: from the origin. */
  readonly next: (found: TakenOver) => Promise<TakenOver | undefined>;
}

/** Bounded: managers do not die for ever. */
const linksMax = 16;

export class RegainChain {
  /** Resolves at its end; never rejects. */
  readonly ended: Promise<void>;
  #current: Regain | undefined;
  #stopped = false;

  constructor(options: RegainChainOptions) {
    this.ended = this.#run(options);
  }

  stop(): void {
    this.#stopped = true;
    this.#current?.stop();
  }

  async #run({ first, begin, next }: RegainChainOptions): Promise<void> {
    let found: TakenOver | undefined = first;
    for (let links = 0; links < linksMax && found !== undefined && !this.#stopped; links++) {
      this.#current = begin(found);
      await this.#current.ended;
      found.lender?.leave();
      found = this.#stopped ? undefined : await next(found);
    }
    found?.lender?.leave();
  }
}
