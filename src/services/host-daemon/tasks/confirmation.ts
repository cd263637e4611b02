/** Waits for the manager to say which version of an object it gives now: one answer is everybody's who waits for it. */

import type { Clock } from "#platform/machine/clock.ts";
import type { HostTaskOptions } from "./host-task-options.ts";
import type { TaskListener } from "../cluster/mod.ts";

export class Confirmation {
  #told: ((generation: string) => void) | undefined;
  #asked: Promise<boolean> | undefined;

  /** The manager tells; an empty text: it gives none. */
  heard(generation: string): void {
    this.#told?.(generation);
  }

  /** Whether the task's manager still gives the generation that it has. */
  ask(
    task: TaskListener & { readonly generation: string | undefined },
    { manager, clock }: Pick<HostTaskOptions, "manager" | "clock">,
    waitMs: number,
  ): Promise<boolean> {
    // What is named by its digest cannot be another.
    if (task.ask.digest !== undefined) return Promise.resolve(true);
    if (manager?.serves(task.task) !== true) return Promise.resolve(false);
    if (this.#asked !== undefined) return this.#asked;
    this.#asked = this.#within(clock, waitMs, () => task.generation).finally(() => (this.#asked = undefined));
    manager.ask(task);
    return this.#asked;
  }

  /** Whether it is `held()`; false also when nothing is heard within `waitMs`. */
  #within(clock: Clock, waitMs: number, held: () => string | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = clock.after(waitMs, () => resolve(false));
      this.#told = (generation) => {
        timer.cancel();
        this.#told = undefined;
        resolve(generation === held());
      };
    });
  }
}
