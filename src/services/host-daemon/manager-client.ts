/**
 * The daemon's control connection to its cluster manager: kept open, dialled again when it breaks, to
 * the next manager when one fails. Tasks that run are asked for again on every new connection, with
 * what this host holds, so that a manager which lost its memory rebuilds it from its hosts.
 */

import { DarnerError, errorFromWire, errorToWire } from "#base/mod.ts";
import type { ManagerDirectory } from "#cluster/mod.ts";
import {
  protocolVersion,
  readManagerMessage,
  type HostCard,
  type HostMessage,
  type LookAsk,
  type ManagerMessage,
  type Seen,
  type TaskAsk,
} from "#core/protocol/mod.ts";
import type { Member } from "#core/model/mod.ts";
import { keyId } from "#platform/signing.ts";
import type { Clock, Timer } from "#platform/clock.ts";
import type { Dialler } from "#platform/connection.ts";
import type { Log } from "#platform/log.ts";
import type { Random } from "#platform/random.ts";
import { MessageLink } from "#transfer/mod.ts";

const dialTimeoutMs = 3_000;
const welcomeTimeoutMs = 5_000;
const backoffMs = { first: 200, max: 5_000 } as const;

/** A look takes as long as the origin may take to answer the manager. */
const lookTimeoutMs = 12_000;
const looksMax = 4096;

type LookAnswer = Pick<Extract<ManagerMessage, { kind: "seen" }>, "seen" | "error">;
type Recheck = Extract<ManagerMessage, { kind: "recheck" }>;
type TaskMessage = Exclude<Extract<ManagerMessage, { task: string } | { head: unknown }>, Recheck>;

/** A task that wants to hear from the manager. */
export interface TaskListener {
  readonly task: string;
  readonly ask: TaskAsk;
  /** What the host holds now, for a manager that does not know. */
  holds(): { readonly generation: string; readonly pieces: string } | undefined;
  /** Where the parts begin that are wanted before all else, as far as not at the start. */
  seeks(): readonly number[];
  /** `managerKey`: of the manager that speaks; undefined with --trust off. */
  heard(message: TaskMessage, managerKey: string | undefined): void;
}

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
}

export class ManagerClient {
  readonly #options: ManagerClientOptions;
  readonly #listeners = new Map<string, TaskListener>();
  readonly #looks = new Map<number, (answer: LookAnswer) => void>();
  #nextLook = 0;
  #link: MessageLink<ManagerMessage, HostMessage> | undefined;
  /** Who answers, where its connection has proved it. */
  #member: Member | undefined;
  #welcome: Extract<ManagerMessage, { kind: "welcome" }> | undefined;
  #reportEveryMs = 1000;
  #failures = 0;
  #timer: Timer | undefined;
  #stopped = false;
  /** Keys of managers met, for tickets: the last few. */
  readonly #managerKeys = new Set<string>();
  /** Hosts that the manager knew when last heard of; a host's share of the origin budget. */
  hostsKnown = 1;
  /** Since when no manager answers; undefined while one does. */
  awaySinceMs: number | undefined;

  constructor(options: ManagerClientOptions) {
    this.#options = options;
    this.awaySinceMs = options.clock.nowMs();
  }

  /** Begins to dial; peers can reach this host from now on. */
  start(): void {
    void this.#connect();
  }

  get connected(): boolean {
    return this.#welcome !== undefined && this.#link?.open === true;
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

  /** Asks for the listener's task now and on each new connection, until `leave`. */
  ask(listener: TaskListener): void {
    this.#listeners.set(listener.task, listener);
    if (this.connected) this.#sendAsk(listener);
  }

  /** Tells the manager that somebody waits for the byte at `position`. */
  seek(task: string, position: number): void {
    if (this.#listeners.has(task)) this.send({ kind: "seek", task, position });
  }

  /** One question to the origin through the manager. Rejects with `cluster.unreachable` when there is no manager. */
  look(look: LookAsk): Promise<Seen> {
    const unreachable = (): DarnerError =>
      new DarnerError("cluster.unreachable", "cannot ask the manager: it does not answer", { retry: "now" });
    if (!this.connected || this.#looks.size >= looksMax) return Promise.reject(unreachable());
    const id = this.#nextLook++;
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(lookTimeoutMs, () => answer({ error: errorToWire(unreachable()) }));
      const answer = ({ seen, error }: LookAnswer): void => {
        timer.cancel();
        this.#looks.delete(id);
        if (seen === undefined) reject(error === undefined ? unreachable() : errorFromWire(error));
        else resolve(seen);
      };
      this.#looks.set(id, answer);
      this.send({ kind: "look", id, look });
    });
  }

  /** The listener wants to hear nothing more; the manager is told that the host is done with the task. */
  leave(task: string, generation: string): void {
    if (!this.#listeners.delete(task)) return;
    this.send({ kind: "leave", task, generation });
  }

  /** Dropped while no manager is connected. */
  send(message: HostMessage): void {
    if (this.connected) this.#link?.send(message);
  }

  /** A manager that counts no longer is left, and its tickets with it. */
  revoke(members: ReadonlySet<string>): void {
    for (const key of this.#managerKeys) if (members.has(keyId(key))) this.#managerKeys.delete(key);
    if (this.#member !== undefined && members.has(this.#member.id)) this.#link?.close();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#link?.close();
  }

  #sendAsk(listener: TaskListener): void {
    const holds = listener.holds();
    this.#link?.send({
      kind: "ask",
      task: listener.task,
      ask: listener.ask,
      ...(holds === undefined ? {} : { holds }),
    });
    for (const position of listener.seeks()) this.#link?.send({ kind: "seek", task: listener.task, position });
  }

  async #connect(): Promise<void> {
    const { clock, dialler, directory, log, card } = this.#options;
    const manager = directory.nextManager();
    if (manager === undefined) return this.#retry();
    const url = new URL(manager.url);
    const secure = url.protocol === "https:";
    const link = new MessageLink<ManagerMessage, HostMessage>(clock, readManagerMessage, (message) =>
      this.#received(message),
    );
    let failed = false;
    const onClose = (reason: string): void => {
      if (failed || this.#link !== link) return;
      failed = true;
      link.ended();
      this.#lost(reason);
      directory.nextManager(manager);
      this.#retry();
    };
    try {
      const version = `${protocolVersion.major}.${protocolVersion.minor}`;
      const { connection, member } = await dialler.dial(
        {
          host: url.hostname.replace(/^\[|\]$/g, ""),
          port: Number(url.port || (secure ? 443 : 80)),
          secureTo: secure ? "manager" : undefined,
          path: "/control",
          headers: { "Darner-Version": version },
          timeoutMs: dialTimeoutMs,
        },
        { onBytes: (bytes) => link.received(bytes), onClose },
      );
      if (this.#stopped) return connection.close();
      if (member !== undefined && this.#options.isRevoked(member.id)) {
        connection.close();
        throw new DarnerError("trust.credential", `cannot use the manager ${member.id}: it was revoked`);
      }
      this.#member = member;
      this.#link = link;
      link.attach(connection);
      link.send({ kind: "hello", version, host: card() });
      this.#timer = clock.after(
        welcomeTimeoutMs,
        () => {
          if (!this.connected) connection.close();
        },
        { background: true },
      );
    } catch (error) {
      log.debug("manager.unreachable", { manager: manager.url, message: (error as Error).message });
      directory.nextManager(manager);
      this.#retry();
    }
  }

  #retry(): void {
    if (this.#stopped) return;
    const doubled = Math.min(backoffMs.max, backoffMs.first * 2 ** this.#failures++);
    const delayMs = doubled * (0.5 + this.#options.random.unit());
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => void this.#connect(), { background: true });
  }

  #lost(reason: string): void {
    if (this.#welcome !== undefined && !this.#stopped) this.#options.log.warn("manager.lost", { reason });
    this.#welcome = undefined;
    this.#link = undefined;
    for (const answer of this.#looks.values()) answer({});
    this.awaySinceMs ??= this.#options.clock.nowMs();
  }

  #received(message: ManagerMessage): void {
    if (message.kind === "welcome") return this.#welcomed(message);
    if (message.kind === "pace") {
      this.#reportEveryMs = message.reportEveryMs;
      return;
    }
    if (message.kind === "seen") return this.#looks.get(message.id)?.(message);
    if (message.kind === "recheck") return void this.#options.onRecheck(message);
    const task = message.kind === "head" ? message.head.task : message.task;
    this.#listeners.get(task)?.heard(message, this.#welcome?.publicKey);
  }

  #welcomed(message: Extract<ManagerMessage, { kind: "welcome" }>): void {
    if (Number(message.version.split(".")[0]) !== protocolVersion.major) return this.#link?.close();
    if (this.#member !== undefined && message.publicKey !== this.#member.publicKey) return this.#link?.close();
    this.#timer?.cancel();
    this.#welcome = message;
    this.#reportEveryMs = message.reportEveryMs;
    this.#failures = 0;
    this.awaySinceMs = undefined;
    this.hostsKnown = Math.max(1, message.hosts);
    if (message.publicKey !== undefined) this.#rememberKey(message.publicKey);
    this.#options.log.info("manager.joined", { manager: message.manager, remote: this.#link?.remote });
    for (const listener of this.#listeners.values()) this.#sendAsk(listener);
  }

  #rememberKey(key: string): void {
    this.#managerKeys.delete(key);
    this.#managerKeys.add(key);
    for (const old of this.#managerKeys) {
      if (this.#managerKeys.size <= 16) break;
      this.#managerKeys.delete(old);
    }
  }
}

/** What a host says when no manager can be reached and the origin may not be asked. */
export function unreachableManagers(directory: ManagerDirectory | undefined): DarnerError {
  const names = directory?.current().map((manager) => manager.url) ?? [];
  const tried = names.length === 0 ? "none is known" : `tried ${names.join(", ")}`;
  return new DarnerError(
    "cluster.unreachable",
    `cannot reach a cluster manager (${tried}), and going to the origin is not allowed; start one, or allow it`,
    { retry: { afterMs: 5_000 } },
  );
}
