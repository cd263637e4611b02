/**
 * Questions to the manager that this host is at home with: does it help with a task that another one owns?
 * One that does is asked for it over the connection that stands, and the owner hears nothing of this host.
 *
 * A manager of an older version would not answer and is not asked; one that stays silent is not waited for
 * longer than `patienceMs`.
 */

import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { ManagerLink } from "#transfer/mod.ts";

const patienceMs = 1_000;
/** The first minor version of the protocol whose managers answer. */
const minorMin = 1;

interface Enquiry {
  readonly link: ManagerLink;
  readonly timer: Timer;
}

export class Enquiries {
  readonly #clock: Clock;
  readonly #onAnswer: (task: string, link: ManagerLink, helps: boolean) => void;
  /** By task: as many as the host has tasks without a manager. */
  readonly #open = new Map<string, Enquiry>();

  constructor(clock: Clock, onAnswer: (task: string, link: ManagerLink, helps: boolean) => void) {
    this.#clock = clock;
    this.#onAnswer = onAnswer;
  }

  /** Whether the task waits for an answer. */
  has(task: string): boolean {
    return this.#open.has(task);
  }

  /** Asks; false when this manager cannot be asked now. */
  begin(task: string, link: ManagerLink): boolean {
    if (link.minor === undefined || link.minor < minorMin) return false;
    const timer = this.#clock.after(patienceMs, () => this.answered(task, link, false), { background: true });
    this.#open.set(task, { link, timer });
    link.send({ kind: "enquire", task });
    return true;
  }

  answered(task: string, link: ManagerLink, helps: boolean): void {
    if (this.#open.get(task)?.link !== link) return;
    this.forget(task);
    this.#onAnswer(task, link, helps);
  }

  forget(task: string): void {
    this.#open.get(task)?.timer.cancel();
    this.#open.delete(task);
  }

  /** Its connection is gone: nobody will answer. */
  lost(link: ManagerLink): void {
    for (const [task, enquiry] of this.#open) if (enquiry.link === link) this.forget(task);
  }

  stop(): void {
    for (const task of this.#open.keys()) this.forget(task);
  }
}
