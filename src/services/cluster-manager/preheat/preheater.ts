/**
 * Works off preheat orders: gets into this manager's cache what it owns of each order, tells the chosen
 * hosts to do the same, and says how far all of them are.
 *
 * Invariants:
 *  1. An order is worked off once; one that is not open any more is told to the hosts as cancelled.
 *  2. Its state ends: with everything there, or with the first thing that failed, or after an hour.
 *  3. The last word on an order is said again for as long as the order is open: the config service may have
 *     been away when it was said, or have lost it, or waits for other managers.
 */

import { asDarnerError, DarnerError } from "#base/mod.ts";
import { chooseHosts, type HostProgress, type ManagerProgress, type PreheatOrder } from "#core/image/mod.ts";
import { managersOfTask, type ManagerEntry } from "#core/placement/mod.ts";
import type { HostMessage, ManagerMessage, TaskAsk } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import type { Origin } from "#origins/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { shown, taskIdOf } from "#transfer/mod.ts";
import { heldManifest, type ManagedTask, type TaskVersion } from "../tasks/mod.ts";
import type { HostSession } from "../host-session.ts";
import { objectsOf } from "./preheat-objects.ts";

const pollMs = 1_000;
const reportMs = 500;
const lookEveryMs = 50;
const atATime = 4;
const orderMsMax = 3_600_000;
const sayAgainMs = 10_000;
/** A host that is away for less has lost its connection, and comes back. */
const awayMsMax = 10_000;
/** As many as an operator can look at; with all of ten thousand a report is a megabyte, twice a second. */
const hostsToldMax = 200;

export interface GivenOrder {
  readonly id: string;
  readonly order: PreheatOrder;
  /** For the registry or the files' origin. */
  readonly authorization?: string;
  /** For whom the reach policy is asked. */
  readonly caller: Caller;
}

/** Where orders come from, and are reported to. */
export interface PreheatDesk {
  open(
    signal: AbortSignal,
  ): Promise<{ readonly orders: readonly GivenOrder[]; readonly managers: readonly ManagerEntry[] }>;
  report(order: string, progress: ManagerProgress): Promise<void>;
}

export interface PreheaterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly id: string;
  readonly origin: Origin;
  readonly taskFor: (task: string) => ManagedTask;
  readonly hosts: () => readonly HostSession[];
}

interface WorkHost {
  session: HostSession;
  readonly name: string;
  objects: number;
  /** When it was seen last. */
  seenMs: number;
  failed?: string;
}

interface Work {
  readonly hosts: Map<string, WorkHost>;
  readonly cancelled: AbortController;
  objects: number;
  held: number;
  bytes: number;
}

interface LastWord {
  readonly progress: ManagerProgress;
  /** When the config service heard it last. */
  heardMs: number;
}

export class Preheater {
  readonly #options: PreheaterOptions;
  readonly #work = new Map<string, Work>();
  readonly #finished = new Map<string, LastWord>();
  readonly #stopped = new AbortController();

  constructor(options: PreheaterOptions) {
    this.#options = options;
  }

  /** Asks the desk for orders until `stop`. */
  async serve(desk: PreheatDesk): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        const { orders, managers } = await desk.open(this.#stopped.signal);
        for (const given of orders) this.#take(given, managers, desk);
        const open = new Set(orders.map(({ id }) => id));
        for (const id of this.#finished.keys()) if (!open.has(id)) this.#finished.delete(id);
        for (const [id, work] of this.#work) if (!open.has(id)) work.cancelled.abort();
      } catch (error) {
        log.debug("preheat.desk-away", { message: asDarnerError(error).message });
      }
      await sleep(clock, pollMs, this.#stopped.signal);
    }
  }

  stop(): void {
    this.#stopped.abort();
    for (const { cancelled } of this.#work.values()) cancelled.abort();
  }

  fetched(host: string, { order, error }: Extract<HostMessage, { kind: "fetched" }>): void {
    const known = this.#work.get(order)?.hosts.get(host);
    if (known === undefined) return;
    if (error === undefined) known.objects++;
    else known.failed ??= error.message;
  }

  #take(given: GivenOrder, managers: readonly ManagerEntry[], desk: PreheatDesk): void {
    const said = this.#finished.get(given.id);
    if (said !== undefined) void this.#say(given.id, said, desk);
    else if (!this.#work.has(given.id)) void this.#run(given, managers, desk);
  }

  async #say(id: string, word: LastWord, desk: PreheatDesk): Promise<void> {
    const { clock, log } = this.#options;
    if (clock.nowMs() - word.heardMs < sayAgainMs) return;
    const before = word.heardMs;
    word.heardMs = clock.nowMs();
    try {
      await desk.report(id, word.progress);
    } catch (error) {
      word.heardMs = before;
      log.debug("preheat.desk-away", { message: asDarnerError(error).message });
    }
  }

  async #run(
    { id, order, authorization, caller }: GivenOrder,
    managers: readonly ManagerEntry[],
    desk: PreheatDesk,
  ): Promise<void> {
    const { clock, log } = this.#options;
    const work: Work = { hosts: new Map(), cancelled: new AbortController(), objects: 0, held: 0, bytes: 0 };
    this.#work.set(id, work);
    const deadline = AbortSignal.timeout(orderMsMax);
    const signal = AbortSignal.any([work.cancelled.signal, this.#stopped.signal, deadline]);
    const reporting = { over: false };
    void (async () => {
      while (!reporting.over) {
        await desk.report(id, progressOf(work, "running")).catch(() => undefined);
        await sleep(clock, reportMs, signal);
      }
    })();
    let failure: string | undefined;
    try {
      const asks = await objectsOf(order.what, authorization, this.#hands(caller, signal));
      const own = asks.filter((ask) => this.#owns(ask, managers));
      work.objects = own.length;
      this.#tellHosts(id, order, work, own);
      await this.#holdAll(work, own, caller, signal);
      await this.#untilHostsHave(id, work, own, signal);
    } catch (error) {
      failure = deadline.aborted ? "it took longer than an hour" : asDarnerError(error).message;
      log.warn("preheat.failed", { order: id, message: failure });
    }
    reporting.over = true;
    if (work.cancelled.signal.aborted)
      for (const { session } of work.hosts.values()) session.send({ kind: "unfetch", order: id });
    this.#work.delete(id);
    const word = { progress: progressOf(work, failure === undefined ? "done" : "failed", failure), heardMs: -Infinity };
    this.#finished.set(id, word);
    // The last word goes after the one that may be under way.
    await sleep(clock, lookEveryMs);
    if (!work.cancelled.signal.aborted) await this.#say(id, word, desk);
  }

  /** The manager that a host would ask for it. */
  #owns(ask: TaskAsk, managers: readonly ManagerEntry[]): boolean {
    const owner = managersOfTask(taskIdOf(ask), managers)[0];
    return owner === undefined || owner.id === this.#options.id;
  }

  #tellHosts(id: string, { hosts }: PreheatOrder, work: Work, asks: readonly TaskAsk[]): void {
    if (hosts === undefined) return;
    const sessions = new Map(this.#options.hosts().map((session) => [session.card.id, session]));
    for (const { id: host, name } of chooseHosts(
      [...sessions.values()].map(({ card }) => card),
      hosts,
    )) {
      const session = sessions.get(host)!;
      work.hosts.set(host, { session, name, objects: 0, seenMs: this.#options.clock.nowMs() });
      session.send({ kind: "fetch", order: id, asks });
    }
  }

  async #holdAll(work: Work, asks: readonly TaskAsk[], caller: Caller, signal: AbortSignal): Promise<void> {
    const left = [...asks];
    const worker = async (): Promise<void> => {
      for (let ask = left.shift(); ask !== undefined; ask = left.shift()) {
        const { store } = await this.#hold(ask, caller, signal);
        work.held++;
        work.bytes += store.clearLengthBytes ?? 0;
      }
    };
    await Promise.all(Array.from({ length: Math.min(atATime, left.length) }, worker));
  }

  async #untilHostsHave(order: string, work: Work, asks: readonly TaskAsk[], signal: AbortSignal): Promise<void> {
    const isBusy = ({ objects, failed }: WorkHost): boolean => objects < work.objects && failed === undefined;
    for (;;) {
      const busy = [...work.hosts].filter(([, host]) => isBusy(host));
      if (busy.length === 0) return;
      const here = new Map(this.#options.hosts().map((session) => [session.card.id, session]));
      for (const [id, host] of busy) this.#lookAfter(host, here.get(id), { kind: "fetch", order, asks });
      signal.throwIfAborted();
      await sleep(this.#options.clock, lookEveryMs, signal);
    }
  }

  /** What a host had done when its connection broke, nobody was told: on the next one it is asked anew. */
  #lookAfter(host: WorkHost, session: HostSession | undefined, ask: Extract<ManagerMessage, { kind: "fetch" }>): void {
    const nowMs = this.#options.clock.nowMs();
    if (session === undefined) {
      if (nowMs - host.seenMs >= awayMsMax) host.failed = "the host went away";
      return;
    }
    host.seenMs = nowMs;
    if (session === host.session) return;
    host.session = session;
    host.objects = 0;
    session.send(ask);
  }

  /** Has the task fetched as for a host that leaves as soon as it begins, and waits for its end. */
  async #hold(ask: TaskAsk, caller: Caller, signal: AbortSignal): Promise<TaskVersion> {
    const { clock, taskFor } = this.#options;
    const managed = taskFor(taskIdOf(ask));
    let failure: DarnerError | undefined;
    const host = {
      card: { id: "preheat", name: "", site: "", address: "", port: 0 },
      caller,
      ticket: () => undefined,
      recall: async () => undefined,
      send(message: { readonly kind: string; readonly error?: { readonly message: string } }): void {
        if (message.kind === "failed")
          failure = new DarnerError("cluster.refused", message.error?.message ?? "it failed");
        // Before anybody is matched with it.
        if (message.kind === "head") clock.after(0, () => managed.leave(host));
      },
    };
    await managed.join({ host, ask, holds: undefined });
    for (;;) {
      signal.throwIfAborted();
      const version = managed.current;
      if (version?.store.end !== undefined) return version;
      if (version === undefined && failure === undefined)
        throw new DarnerError("cluster.refused", `cannot preheat ${shown(ask.url)}: its origin forbids to keep it`);
      failure ??= managed.fetching ? undefined : managed.failure;
      if (failure !== undefined) throw failure;
      await sleep(clock, lookEveryMs, signal);
    }
  }

  #hands(caller: Caller, signal: AbortSignal): Parameters<typeof objectsOf>[2] {
    const { origin } = this.#options;
    return {
      look: (ask) => origin.look({ ...ask, caller }, AbortSignal.any([signal, AbortSignal.timeout(10_000)])),
      async *fetch(ask, own) {
        const answer = await origin.open({ ...ask, caller }, AbortSignal.any([signal, own]));
        if (answer.kind === "body") yield* answer.body;
      },
      read: async (ask) => (await heldManifest(await this.#hold(ask, caller, signal))) ?? new Uint8Array(0),
    };
  }
}

function progressOf(work: Work, state: ManagerProgress["state"], message?: string): ManagerProgress {
  const all = [...work.hosts].map(([host, { name, objects, failed }]): HostProgress => ({
    host,
    name,
    objects,
    ...(failed === undefined ? {} : { failed }),
  }));
  const { objects, held, bytes } = work;
  const isReady = (host: HostProgress): boolean => host.failed === undefined && host.objects >= objects;
  const rank = (host: HostProgress): number => (host.failed !== undefined ? 0 : isReady(host) ? 2 : 1);
  const hosts = all.length <= hostsToldMax ? all : all.toSorted((a, b) => rank(a) - rank(b));
  const more = hosts.splice(hostsToldMax);
  const hostsMore = more.length === 0 ? {} : { hostsMore: { count: more.length, ready: more.filter(isReady).length } };
  return { state, objects, held, bytes, hosts, ...hostsMore, ...(message === undefined ? {} : { message }) };
}
