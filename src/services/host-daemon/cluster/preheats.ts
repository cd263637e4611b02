/**
 * Preheat orders at a host: objects that are got into its cache for nobody in particular yet, a few at
 * a time, so that what somebody waits for is not kept waiting by them.
 */

import { DarnerError, errorToWire } from "#base/mod.ts";
import type { DownloadAsk, DownloadEvent, HostMessage, ManagerMessage, TaskAsk } from "#core/protocol/mod.ts";
import { taskIdOf } from "#transfer/mod.ts";

const atATime = 4;
const ordersMax = 1000;
const triesMax = 3;

type Begin = (ask: DownloadAsk, tell: (event: DownloadEvent) => void) => { abandon(): void };
type Order = Extract<ManagerMessage, { kind: "fetch" | "unfetch" }>;

export class Preheats {
  readonly #begin: Begin;
  /** By the manager and its order: each manager gives the same order for what it owns of it. */
  readonly #cancel = new Map<string, AbortController>();

  /** `begin`: as a client of the daemon begins a stream that nobody reads. */
  constructor(begin: Begin) {
    this.#begin = begin;
  }

  readonly heard = (message: Order, manager: string, answer: (message: HostMessage) => void): void => {
    const { order } = message;
    const key = `${manager} ${order}`;
    this.#cancel.get(key)?.abort();
    this.#cancel.delete(key);
    if (message.kind === "unfetch") return;
    const cancelled = new AbortController();
    this.#cancel.set(key, cancelled);
    if (this.#cancel.size > ordersMax) this.#cancel.delete(this.#cancel.keys().next().value as string);
    const left = [...message.asks];
    const work = async (): Promise<void> => {
      for (let ask = left.shift(); ask !== undefined && !cancelled.signal.aborted; ask = left.shift())
        answer({ kind: "fetched", order, task: taskIdOf(ask), ...(await this.#fetch(ask, cancelled.signal)) });
    };
    for (let worker = 0; worker < Math.min(atATime, left.length); worker++) void work();
  };

  #fetch(ask: TaskAsk, signal: AbortSignal): Promise<Pick<Extract<HostMessage, { kind: "fetched" }>, "error">> {
    return new Promise((resolve) => {
      try {
        const download = this.#begin(
          { ...ask, output: { kind: "stream" }, mode: "p2p", backToSource: false, triesMax },
          (event) => {
            if (event.event === "done") resolve({});
            if (event.event === "failed") resolve({ error: event.error });
          },
        );
        signal.addEventListener("abort", () => download.abandon(), { once: true });
      } catch (error) {
        resolve({
          error: errorToWire(error instanceof DarnerError ? error : new DarnerError("internal", String(error))),
        });
      }
    });
  }
}
