/** Questions to origins through a manager that wait for their answers: bounded, each for a bounded time. */

import { DarnerError, errorFromWire } from "#base/mod.ts";
import type { LookAsk, ManagerMessage, Seen } from "#core/protocol/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { ManagerLink } from "#transfer/mod.ts";

/** A look takes as long as the origin may take to answer the manager. */
const timeoutMs = 12_000;
const looksMax = 4096;

type LookAnswer = Pick<Extract<ManagerMessage, { kind: "seen" }>, "seen" | "error">;

interface Look {
  readonly id: number;
  readonly look: LookAsk;
  link: ManagerLink | undefined;
  answer(answer: LookAnswer): void;
}

export class LookAsks {
  readonly #clock: Clock;
  readonly #linkFor: (look: LookAsk) => ManagerLink | undefined;
  readonly #looks = new Map<number, Look>();
  #next = 0;

  /** `linkFor`: the manager to ask; undefined when none is known. */
  constructor(clock: Clock, linkFor: (look: LookAsk) => ManagerLink | undefined) {
    this.#clock = clock;
    this.#linkFor = linkFor;
  }

  /** Rejects with `cluster.unreachable` when no manager answers, and as the manager says. */
  ask(look: LookAsk): Promise<Seen> {
    if (this.#looks.size >= looksMax) return Promise.reject(unreachable());
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(timeoutMs, () => answer({}));
      const answer = ({ seen, error }: LookAnswer): void => {
        timer.cancel();
        this.#looks.delete(id);
        if (seen === undefined) reject(error === undefined ? unreachable() : errorFromWire(error));
        else resolve(seen);
      };
      const asked: Look = { id, look, link: undefined, answer };
      this.#looks.set(id, asked);
      asked.link = this.#linkFor(look);
      asked.link?.send({ kind: "look", id, look });
    });
  }

  answered(message: Extract<ManagerMessage, { kind: "seen" }>): void {
    this.#looks.get(message.id)?.answer(message);
  }

  /** The connection stands: what waited for it is asked. */
  welcomed(link: ManagerLink): void {
    for (const { id, look, link: asked } of this.#looks.values())
      if (asked === link) link.send({ kind: "look", id, look });
  }

  lost(link: ManagerLink): void {
    for (const look of this.#looks.values()) if (look.link === link) look.answer({});
  }
}

export function unreachable(): DarnerError {
  return new DarnerError("cluster.unreachable", "cannot ask the manager: it does not answer", { retry: "now" });
}
