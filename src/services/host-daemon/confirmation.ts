/** Waits for the manager to say which version of an object it gives now. */

import type { Clock } from "#platform/clock.ts";

export class Confirmation {
  #told: ((generation: string) => void) | undefined;

  /** The manager tells; an empty text: it gives none. */
  heard(generation: string): void {
    this.#told?.(generation);
  }

  /** Whether it is `held()`; false also when nothing is heard within `waitMs`. */
  within(clock: Clock, waitMs: number, held: () => string | undefined): Promise<boolean> {
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
