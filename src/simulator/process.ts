/**
 * A process under the operating system's hand: it runs, stands still (SIGSTOP) or is dead. While it
 * stands still its timers and what it receives wait, its connections stay; all is worked off late when
 * it goes on. What was planned by an earlier life of the process is known by its number and void.
 */

import type { Actor, Agenda } from "./agenda.ts";
import { LocalClock } from "./local-clock.ts";

export class Process {
  protected readonly agenda: Agenda;
  /** What its program takes for the time. */
  readonly clock: LocalClock;
  paused = false;
  /** Nobody answers at its address: connections are refused. */
  down = false;
  /** The machine itself is gone: nothing is answered, not even with a refusal. */
  gone = false;
  /** Its life: the next one begins with each start. */
  life = 0;
  /** What came while it stood still, and timers that would have rung, flat: actor, code, argument. */
  #late: unknown[] = [];
  #lateTimers: unknown[] = [];

  constructor(agenda: Agenda) {
    this.agenda = agenda;
    this.clock = new LocalClock(agenda);
  }

  /** Something happens to the process when it goes on. */
  later(actor: Actor, code: number, argument: unknown): void {
    this.#late.push(actor, code, argument);
  }

  /** The same for what a timer makes happen. */
  protected laterByTimer(actor: Actor, code: number, argument: unknown): void {
    this.#lateTimers.push(actor, code, argument);
  }

  protected standStill(): void {
    this.paused = true;
  }

  /** A loop that goes on may look at its timers first, or at its sockets. */
  protected goOn(timersFirst: boolean): void {
    this.paused = false;
    const late = timersFirst ? [...this.#lateTimers, ...this.#late] : [...this.#late, ...this.#lateTimers];
    this.#late = [];
    this.#lateTimers = [];
    for (let at = 0; at < late.length; at += 3) {
      this.agenda.after(0, late[at] as Actor, late[at + 1] as number, late[at + 2]);
    }
  }

  protected die(): void {
    this.paused = false;
    this.down = true;
    this.#late = [];
    this.#lateTimers = [];
  }

  protected liveAgain(): void {
    this.down = false;
    this.life++;
    this.clock.restart();
  }
}
