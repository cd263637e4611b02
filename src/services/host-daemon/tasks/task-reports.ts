/** Tells the manager how one task goes on: the pieces gained, at most every `reportEveryMs`. */

import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { SwarmTransfer } from "#transfer/mod.ts";
import type { ManagerClient } from "../cluster/mod.ts";

export interface ReportSource {
  readonly task: string;
  /** Undefined while there is no manifest: nothing is reported then. */
  generation(): string | undefined;
  /** What gets the pieces now. */
  transfer(): Pick<SwarmTransfer, "starving" | "crossing" | "crossedBytes"> | undefined;
  heldPieces(): number;
  receivedBytes(): number;
}

export class TaskReports {
  readonly #clock: Clock;
  readonly #manager: ManagerClient;
  readonly #source: ReportSource;
  #news: number[] = [];
  #timer: Timer | undefined;
  #receivedBytes = 0;
  #reportedMs: number;
  /** The manager waits to hear that nothing crosses any more. */
  #wasCrossing = false;

  constructor(clock: Clock, manager: ManagerClient, source: ReportSource) {
    this.#clock = clock;
    this.#manager = manager;
    this.#source = source;
    this.#reportedMs = clock.nowMs();
    this.#schedule();
  }

  gained(piece: number): void {
    this.#news.push(piece);
  }

  /** What was gained belongs to a generation that is gone. */
  forget(): void {
    this.#news = [];
  }

  /** The object is whole here. */
  seeding(): void {
    this.stop();
    this.#send("seeding");
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(this.#manager.reportEveryMs, () => {
      const isDue = this.#news.length > 0 || this.#wasCrossing || (this.#source.transfer()?.starving ?? false);
      if (isDue) this.#send("downloading");
      this.#schedule();
    });
  }

  #send(state: "downloading" | "seeding"): void {
    const generation = this.#source.generation();
    if (generation === undefined || !this.#manager.serves(this.#source.task)) return;
    const news = this.#news;
    this.#news = [];
    const nowMs = this.#clock.nowMs();
    const receivedBytes = this.#source.receivedBytes();
    const crossedBytes = this.#source.transfer()?.crossedBytes ?? 0;
    const elapsedMs = Math.max(1, nowMs - this.#reportedMs);
    const downBytesPerSecond = Math.round(((receivedBytes - this.#receivedBytes) * 1000) / elapsedMs);
    this.#receivedBytes = receivedBytes;
    this.#reportedMs = nowMs;
    this.#wasCrossing = state === "downloading" && (this.#source.transfer()?.crossing ?? false);
    this.#manager.send({
      kind: "report",
      task: this.#source.task,
      generation,
      news,
      held: this.#source.heldPieces(),
      downBytesPerSecond,
      upBytesPerSecond: 0,
      ...(crossedBytes > 0 ? { crossedBytes } : {}),
      starving: state === "downloading" && (this.#source.transfer()?.starving ?? false),
      ...(this.#wasCrossing ? { crossing: true } : {}),
      state,
    });
  }
}
