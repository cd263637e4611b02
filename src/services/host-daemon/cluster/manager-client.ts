/**
 * The daemon's way to its cluster's managers: one kept connection to the nearest, and one to each owner
 * of a task that this host has. A task is asked of its owner; when that one cannot be reached or is
 * lost, of the next in rank, with what this host holds, so that a manager that knows nothing of the task
 * rebuilds it from its hosts (decision 70).
 *
 * Invariants:
 *  1. A task is heard from one manager at a time, and stays with it while its connection lives: a new
 *     list of managers moves nobody who is served.
 *  2. While any manager is known and answers, every task is placed on one that does within a few seconds.
 */

import type { ManagerDirectory } from "#cluster/mod.ts";
import { managersOfTask, RoundTrips, type ManagerEntry } from "#core/placement/mod.ts";
import type { HostCard, HostMessage, LookAsk, ManagerMessage, Seen } from "#core/protocol/mod.ts";
import { keyId } from "#platform/keys/signing.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { ManagerLink, type Welcome } from "#transfer/mod.ts";
import { Enquiries } from "./enquiries.ts";
import { LookAsks, unreachable } from "./look-asks.ts";
import type { TaskListener } from "./task-listener.ts";

const backoffMs = { first: 100, max: 5_000 } as const;
/** A connection that no task needs any more is kept for this long. */
const idleLinkMs = 60_000;
/** One to a manager that sent this host to another: there are many such hosts. */
const delegatedLinkMs = 1_000;
const managerKeysMax = 256;

type Recheck = Extract<ManagerMessage, { kind: "recheck" }>;
type Fetch = Extract<ManagerMessage, { kind: "fetch" | "unfetch" }>;
export interface ManagerClientOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly dialler: Dialler;
  readonly directory: ManagerDirectory;
  readonly isRevoked: (manager: string) => boolean;
  readonly card: () => HostCard;
  /** Somebody says that this host sends wrong bytes. */
  onRecheck(message: Recheck): Promise<void>;
  /** A preheat order; `answer` goes to the manager that gave it. */
  onFetch(message: Fetch, manager: string, answer: (message: HostMessage) => void): void;
}

export class ManagerClient {
  readonly #options: ManagerClientOptions;
  readonly #listeners = new Map<string, TaskListener>();
  /** The connections, by their manager's id and URL. */
  readonly #links = new Map<string, ManagerLink>();
  /** Which of them each task is with. */
  readonly #placed = new Map<string, ManagerLink>();
  /** To the nearest manager: kept though no task needs it. */
  #home: ManagerLink | undefined;
  readonly #roundTrips = new RoundTrips();
  readonly #looks: LookAsks;
  readonly #enquiries: Enquiries;
  #reportEveryMs = 1000;
  #failures = 0;
  #timer: Timer | undefined;
  #stopped = false;
  /** Keys of managers met, for tickets: the last few. */
  readonly #managerKeys = new Set<string>();
  /** Hosts that each manager knew when last heard of. */
  readonly #hosts = new Map<string, number>();
  /** Since when no manager answers; undefined while one does. */
  awaySinceMs: number | undefined;
  /** Why the last connection failed; undefined while a manager answers. */
  trouble: string | undefined;

  constructor(options: ManagerClientOptions) {
    this.#options = options;
    this.#looks = new LookAsks(options.clock, (look) => this.#linkForLook(look));
    this.#enquiries = new Enquiries(options.clock, (task, link, helps) => this.#told(task, link, helps));
    this.awaySinceMs = options.clock.nowMs();
  }

  /** Begins to dial; peers can reach this host from now on. */
  start(): void {
    this.#options.directory.onChange(() => this.#arrange());
    this.#arrange();
  }

  get connected(): boolean {
    for (const link of this.#links.values()) if (link.connected) return true;
    return false;
  }

  get directory(): ManagerDirectory {
    return this.#options.directory;
  }

  get managerKeys(): Iterable<string> {
    return this.#managerKeys;
  }

  get reportEveryMs(): number {
    return this.#reportEveryMs;
  }

  /** A host's share of the origin's budget is 1 / this. */
  get hostsKnown(): number {
    return Math.max(1, ...this.#hosts.values());
  }

  /** Whether the manager that the task is with can be heard. */
  serves(task: string): boolean {
    return this.#placed.get(task)?.connected === true;
  }

  /** Asks for the listener's task now and of each manager that it comes to, until `leave`. */
  ask(listener: TaskListener): void {
    this.#listeners.set(listener.task, listener);
    const link = this.#placed.get(listener.task);
    if (link?.connected === true) this.#sendAsk(link, listener);
    else this.#arrange();
  }

  /** Tells the manager that somebody waits for the byte at `position`. */
  seek(task: string, position: number): void {
    this.send({ kind: "seek", task, position });
  }

  /** One question to the origin through a manager. Rejects with `cluster.unreachable` when there is none. */
  look(look: LookAsk): Promise<Seen> {
    return this.connected ? this.#looks.ask(look) : Promise.reject(unreachable());
  }

  /** The listener wants to hear nothing more; the manager is told that the host is done with the task. */
  leave(task: string, generation: string): void {
    if (!this.#listeners.delete(task)) return;
    this.#enquiries.forget(task);
    const link = this.#placed.get(task);
    this.#placed.delete(task);
    if (link === undefined) return;
    link.send({ kind: "leave", task, generation });
    this.#closeWhenIdle(link);
  }

  /** To the manager of the message's task; dropped while that is not connected. */
  send(message: Extract<HostMessage, { task: string }>): void {
    this.#placed.get(message.task)?.send(message);
  }

  /** A manager that counts no longer is left, and its tickets with it. */
  revoke(members: ReadonlySet<string>): void {
    for (const key of this.#managerKeys) if (members.has(keyId(key))) this.#managerKeys.delete(key);
    for (const link of this.#links.values()) {
      if (link.member === undefined || !members.has(link.member.id)) continue;
      link.close();
      this.#lost(link, "it was revoked");
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#enquiries.stop();
    for (const link of this.#links.values()) link.close();
  }

  /** Gives every task without a manager the best that is known, and this host its nearest. */
  #arrange(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    const { directory } = this.#options;
    const managers = directory.current();
    const nearest = this.#nearest(managers);
    if (nearest === undefined) return this.#arrangeLater();
    const before = this.#home;
    this.#home = nearest;
    if (before !== undefined && before !== nearest) this.#closeWhenIdle(before);
    for (const listener of this.#listeners.values()) {
      if (this.#placed.has(listener.task) || this.#enquiries.has(listener.task)) continue;
      const owner = directory.pick(managersOfTask(listener.task, managers));
      if (owner === undefined || this.#enquired(listener, owner)) continue;
      this.#place(listener, this.#linkTo(owner));
    }
  }

  #place(listener: TaskListener, link: ManagerLink): void {
    this.#placed.set(listener.task, link);
    if (link.connected) this.#sendAsk(link, listener);
  }

  /** Before this host dials a task's owner, its home is asked whether it helps; not where bytes are held already. */
  #enquired(listener: TaskListener, owner: ManagerEntry): boolean {
    const home = this.#home;
    if (home === undefined || this.#links.has(linkKey(owner)) || listener.holds() !== undefined) return false;
    return this.#enquiries.begin(listener.task, home);
  }

  #told(task: string, home: ManagerLink, helps: boolean): void {
    const { directory, log } = this.#options;
    const listener = this.#listeners.get(task);
    if (listener === undefined || this.#placed.has(task)) return;
    if (helps) log.info("task.delegated", { task, manager: home.manager.url, by: "home" });
    const owner = helps ? home.manager : directory.pick(managersOfTask(task, directory.current()));
    if (owner !== undefined) this.#place(listener, this.#linkTo(owner));
  }

  /** The home, as long as it is there and no other manager is clearly nearer, as far as its distance is known. */
  #nearest(managers: readonly ManagerEntry[]): ManagerLink | undefined {
    const { directory, log } = this.#options;
    for (const { manager, roundTripMs } of this.#links.values())
      if (roundTripMs !== undefined) this.#roundTrips.measured(manager.id, roundTripMs);
    const home = this.#home;
    const stays = home !== undefined && !isDraining(home, managers);
    const first = stays ? (entryOf(home, managers) ?? home.manager) : directory.pick(managers);
    if (first === undefined) return undefined;
    const nearer = this.#roundTrips.nearerThan(first, managers);
    const chosen = nearer === undefined ? first : directory.pick([nearer, first])!;
    if (stays && chosen === first) return home;
    if (chosen === nearer) log.info("manager.nearer", { manager: chosen.url, than: first.url });
    return this.#linkTo(chosen);
  }

  #arrangeLater(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    const doubled = Math.min(backoffMs.max, backoffMs.first * 2 ** this.#failures++);
    const delayMs = doubled * (0.5 + this.#options.random.unit());
    this.#timer = this.#options.clock.after(
      delayMs,
      () => {
        this.#timer = undefined;
        this.#arrange();
      },
      { background: true },
    );
  }

  #linkTo(manager: ManagerEntry): ManagerLink {
    const key = linkKey(manager);
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const { clock, dialler, isRevoked, card } = this.#options;
    const link = new ManagerLink({
      clock,
      dialler,
      isRevoked,
      card,
      manager,
      onWelcome: (welcomed, welcome) => this.#welcomed(welcomed, welcome),
      onMessage: (from, message) => this.#received(from, message),
      onLost: (lost, reason) => this.#lost(lost, reason),
    });
    this.#links.set(key, link);
    return link;
  }

  #linkForLook(look: LookAsk): ManagerLink | undefined {
    const { directory } = this.#options;
    const manager = directory.pick(managersOfTask(look.url, directory.current()));
    return manager === undefined ? undefined : this.#linkTo(manager);
  }

  /** With `stays` it is not to be sent elsewhere. */
  #sendAsk(link: ManagerLink, listener: TaskListener, stays = false): void {
    const { task, ask, small } = listener;
    const holds = listener.holds();
    const home = !stays && this.#home?.connected === true && this.#home !== link ? this.#home.manager.id : undefined;
    const more = {
      ...(holds === undefined ? {} : { holds }),
      ...(home === undefined ? {} : { home }),
      ...(small === true ? { small } : {}),
    };
    link.send({ kind: "ask", task, ask, ...more });
    for (const position of listener.seeks()) link.send({ kind: "seek", task, position });
  }

  #lost(link: ManagerLink, reason: string): void {
    const { log, directory, clock } = this.#options;
    const { url } = link.manager;
    if (this.#links.get(linkKey(link.manager)) !== link) return;
    this.#links.delete(linkKey(link.manager));
    if (this.#stopped) return;
    if (link.managerKey === undefined && link.remote === "nobody")
      log.debug("manager.unreachable", { manager: url, message: reason });
    else log.warn("manager.lost", { manager: url, reason });
    directory.failed(link.manager);
    if (!this.connected) this.trouble = `${url}: ${reason}`;
    if (this.#home === link) this.#home = undefined;
    for (const [task, placed] of this.#placed) if (placed === link) this.#placed.delete(task);
    this.#looks.lost(link);
    this.#enquiries.lost(link);
    if (!this.connected) this.awaySinceMs ??= clock.nowMs();
    this.#arrangeLater();
  }

  #received(link: ManagerLink, message: ManagerMessage): void {
    switch (message.kind) {
      case "welcome":
        return;
      case "pace":
        this.#reportEveryMs = message.reportEveryMs;
        if (message.hosts !== undefined) this.#hosts.set(link.manager.id, message.hosts);
        return;
      case "seen":
        return this.#looks.answered(message);
      case "helps":
        return this.#enquiries.answered(message.task, link, message.helps);
      case "recheck":
        return void this.#options.onRecheck(message);
      case "fetch":
      case "unfetch":
        return this.#options.onFetch(message, link.manager.id, (answer) => link.send(answer));
      case "recall":
        return this.#recall(link, message);
      case "delegated":
        return this.#delegated(link, message.task);
      default: {
        const { task } = "head" in message ? message.head : message;
        if (this.#placed.get(task) === link) this.#listeners.get(task)?.heard(message, link.managerKey);
      }
    }
  }

  /** The manager has too many hosts for this task: it is asked of the nearest one, or if that is away, here again. */
  #delegated(link: ManagerLink, task: string): void {
    const listener = this.#listeners.get(task);
    if (listener === undefined || this.#placed.get(task) !== link) return;
    const to = this.#home?.connected === true && this.#home !== link ? this.#home : link;
    this.#options.log.info("task.delegated", { task, manager: to.manager.url, by: "owner" });
    this.#placed.set(task, to);
    this.#sendAsk(to, listener, to === link);
    if (to !== link) this.#closeWhenIdle(link, delegatedLinkMs);
  }

  #recall(link: ManagerLink, { task, generation }: Extract<ManagerMessage, { kind: "recall" }>): void {
    const manifest = this.#listeners.get(task)?.recalled(generation);
    link.send({ kind: "recalled", task, generation, ...(manifest === undefined ? {} : { manifest }) });
  }

  #welcomed(link: ManagerLink, welcome: Welcome): void {
    const { directory, log } = this.#options;
    directory.answered(link.manager);
    this.#reportEveryMs = welcome.reportEveryMs;
    this.#failures = 0;
    this.awaySinceMs = this.trouble = undefined;
    this.#hosts.set(link.manager.id, welcome.hosts);
    if (welcome.publicKey !== undefined) this.#rememberKey(welcome.publicKey);
    const { remote, roundTripMs } = link;
    log.info("manager.joined", { manager: welcome.manager, remote, roundTripMs });
    for (const [task, placed] of this.#placed) {
      const listener = placed === link ? this.#listeners.get(task) : undefined;
      if (listener !== undefined) this.#sendAsk(link, listener);
    }
    this.#looks.welcomed(link);
    this.#arrange();
  }

  #closeWhenIdle(link: ManagerLink, afterMs = idleLinkMs): void {
    if (this.#home === link) return;
    this.#options.clock.after(
      afterMs,
      () => {
        const needed = this.#home === link || [...this.#placed.values()].includes(link);
        if (needed || this.#links.get(linkKey(link.manager)) !== link) return;
        this.#links.delete(linkKey(link.manager));
        link.close();
      },
      { background: true },
    );
  }

  #rememberKey(key: string): void {
    this.#managerKeys.delete(key);
    this.#managerKeys.add(key);
    for (const old of this.#managerKeys) {
      if (this.#managerKeys.size <= managerKeysMax) break;
      this.#managerKeys.delete(old);
    }
  }
}

function linkKey(manager: ManagerEntry): string {
  return `${manager.id} ${manager.url}`;
}

/** As the present list has its manager. */
function entryOf(link: ManagerLink, managers: readonly ManagerEntry[]): ManagerEntry | undefined {
  return managers.find((manager) => linkKey(manager) === linkKey(link.manager));
}

function isDraining(link: ManagerLink, managers: readonly ManagerEntry[]): boolean {
  return entryOf(link, managers)?.health === "draining";
}
