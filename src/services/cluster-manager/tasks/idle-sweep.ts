/**
 * Puts idle tasks away, so that their files can be closed and evicted: now and then, and sooner while
 * many are in memory, as when thousands of small objects come in a second.
 *
 * Invariant: a turn of the loop puts away a few; what is left comes a moment later.
 */

import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { ManagedTask } from "./managed-task.ts";

const everyMs = { usual: 30_000, many: 3_000, slice: 20 } as const;
const manyTasks = 8192;
const sliceTasks = 100;

export class IdleSweep {
  readonly #clock: Clock;
  readonly #tasks: Map<string, ManagedTask>;
  readonly #putAway: (task: ManagedTask) => void;
  /** A sweep that may have more to put away: the tasks not looked at yet. */
  #rest: Iterator<[string, ManagedTask]> | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, tasks: Map<string, ManagedTask>, putAway: (task: ManagedTask) => void) {
    this.#clock = clock;
    this.#tasks = tasks;
    this.#putAway = putAway;
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** A task came into memory. */
  added(): void {
    if (this.#tasks.size === manyTasks && this.#rest === undefined) this.#schedule();
  }

  #schedule(): void {
    this.#timer?.cancel();
    const usualMs = this.#tasks.size >= manyTasks ? everyMs.many : everyMs.usual;
    const delayMs = this.#rest === undefined ? usualMs : everyMs.slice;
    this.#timer = this.#clock.after(delayMs, () => this.#slice(), { background: true });
  }

  #slice(): void {
    this.#rest ??= this.#tasks.entries();
    for (let put = 0; put < sliceTasks;) {
      const next = this.#rest.next();
      if (next.done === true) {
        this.#rest = undefined;
        break;
      }
      const [id, task] = next.value;
      if (!task.idle) continue;
      put++;
      this.#tasks.delete(id);
      this.#putAway(task);
    }
    this.#schedule();
  }
}
