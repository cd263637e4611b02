/**
 * The short way for small objects: asked of the manager, and there with its answer, in one message and
 * without a file. Whatever is not as simple as that goes the ordinary way, by a HostTask: objects that
 * are longer, fail or do not come at once, those that this host is getting already, those that a
 * credential is needed for or that are sensitive, and all while no manager answers.
 *
 * Invariants:
 *  1. Bytes count only as a manifest would: signed by the manager, and of the digest that was asked for.
 *  2. One ask for a task is under way, however many wait for it; each wait has an end.
 */

import type { TaskAsk, WholeMessage } from "#core/protocol/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { bytesOfWhole, credentialOf, taskIdOf, type Limiter } from "#transfer/mod.ts";
import type { ManagerClient, TaskListener } from "../cluster/mod.ts";

const asksMax = 4096;
/** An origin that is slower than this is waited for in the ordinary way, which tells how it goes. */
const waitMsMax = 5_000;

export interface SmallObject {
  readonly bytes: Uint8Array;
  readonly digests: readonly string[];
  readonly lastModified: string | undefined;
}

export interface SmallObjectsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly trust: boolean;
  readonly manager: ManagerClient;
  /** The host's, for what it downloads. */
  readonly limiter: Limiter;
  /** Its user or a rule says that it is sensitive. */
  readonly isMarked: (ask: TaskAsk) => boolean;
}

export class SmallObjects {
  readonly #options: SmallObjectsOptions;
  readonly #running = new Map<string, Promise<SmallObject | undefined>>();
  /** Of the objects that came this way. */
  bytes = 0;

  constructor(options: SmallObjectsOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when no ask for this task is under way here. */
  async over(task: string): Promise<void> {
    await this.#running.get(task);
  }

  /** Undefined: ask in the ordinary way. Never rejects. `isKnown`: this host is getting or serving the task. */
  async get(ask: TaskAsk, isKnown: (task: string) => boolean): Promise<SmallObject | undefined> {
    if (!this.#options.manager.connected || this.#running.size >= asksMax) return undefined;
    if (this.#options.isMarked(ask) || credentialOf(ask.headers) !== "") return undefined;
    const task = idOf(ask);
    if (task === undefined || isKnown(task)) return undefined;
    const running = this.#running.get(task);
    if (running !== undefined) return await running;
    const asking = this.#ask(task, ask).finally(() => this.#running.delete(task));
    this.#running.set(task, asking);
    return await asking;
  }

  async #ask(task: string, ask: TaskAsk): Promise<SmallObject | undefined> {
    const { manager, limiter, log, trust } = this.#options;
    while (limiter.blocked) await limiter.ready();
    const answer = await this.#answer(task, ask);
    if (answer === undefined) return undefined;
    const { message, managerKey } = answer;
    manager.leave(task, message.head.generation);
    const bytes = trust && managerKey === undefined ? "it names no key" : bytesOfWhole(message, managerKey);
    if (typeof bytes === "string") {
      log.warn("manifest.refused", { task, reason: bytes });
      return undefined;
    }
    limiter.charge(bytes.length);
    this.bytes += bytes.length;
    const { digests } = message;
    if (ask.digest !== undefined && !digests.includes(ask.digest)) return undefined;
    return { bytes, digests, lastModified: message.head.lastModified };
  }

  /** What the manager says of it, unless that is anything but the whole. */
  #answer(task: string, ask: TaskAsk): Promise<{ message: WholeMessage; managerKey: string | undefined } | undefined> {
    const { manager, clock, trust } = this.#options;
    return new Promise((resolve) => {
      const end = (answer: Parameters<typeof resolve>[0]): void => {
        timer.cancel();
        if (answer === undefined) manager.leave(task, "");
        resolve(answer);
      };
      const timer = clock.after(waitMsMax, () => end(undefined));
      const listener: TaskListener = {
        task,
        ask,
        small: true,
        holds: () => undefined,
        seeks: () => [],
        recalled: () => undefined,
        heard: (message, managerKey) => {
          // It is on its way to the manager.
          if (message.kind === "filling") return;
          end(message.kind === "whole" ? { message, managerKey: trust ? managerKey : undefined } : undefined);
        },
      };
      manager.ask(listener);
    });
  }
}

/** What is no ask hears so in the ordinary way. */
function idOf(ask: TaskAsk): string | undefined {
  try {
    return taskIdOf(ask);
  } catch {
    return undefined;
  }
}
