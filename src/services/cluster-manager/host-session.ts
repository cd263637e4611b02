/**
 * One host's control connection at the manager: who it is, and its messages given to the tasks that
 * they speak of. A connection whose first message is no hello of a fitting version is ended.
 */

import { DarnerError, errorToWire } from "#base/mod.ts";
import {
  protocolVersion,
  readHostMessage,
  type HostCard,
  type HostMessage,
  type LookAsk,
  type ManagerMessage,
  type RecalledManifest,
  type Seen,
} from "#core/protocol/mod.ts";
import { isLoopbackAddress } from "#core/placement/mod.ts";
import { isOfOneMachine, type Caller } from "#core/reach/mod.ts";
import type { Pace } from "#core/swarm/mod.ts";
import type { Member } from "#core/model/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import { logBudget } from "#platform/telemetry/log-budget.ts";
import { keyId, type SigningKey } from "#platform/keys/signing.ts";
import { MessageLink, signTicket, taskIdOf, type ReadGate } from "#transfer/mod.ts";
import type { Crowds } from "./colleagues/mod.ts";
import type { ManagedTask } from "./tasks/mod.ts";
import type { VersionHost } from "./hosts/mod.ts";

/** A ticket lives for minutes; a new one is signed when the old one is half-way. */
const ticketReuseMs = 4 * 60_000;
const recallTimeoutMs = 2000;
/** A connection is no host's before it has greeted. */
const helloTimeoutMs = 10_000;
/** A host's share of the origin's budget follows from how many there are: it may be wrong by so much. */
const untoldHostsShare = 0.02;

/** Of one host. */
const accusationsLoggedPerSecond = 5;

export interface HostSessionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly manager: string;
  readonly trust: boolean;
  readonly key: SigningKey;
  readonly pace: Pace;
  readonly hostsKnown: () => number;
  readonly siteOf: (card: HostCard) => string;
  readonly gate: ReadGate;
  /** The task, made when it is new; throws `cluster.refused` when there are too many. */
  readonly taskFor: (task: string) => ManagedTask;
  /** Whether it is here or on its way. */
  readonly holdsTask: (task: string) => boolean;
  /** Only what is there: no message but an ask makes a task. */
  readonly knownTask: (task: string) => ManagedTask | undefined;
  readonly crowds: Crowds;
  readonly onHello: (session: HostSession) => void;
  /** A preheat order is done with one of its tasks here. */
  readonly onFetched?: (session: HostSession, message: Extract<HostMessage, { kind: "fetched" }>) => void;
  readonly address: string;
  /** Who the host is, where its connection has proved it. */
  readonly member: Member | undefined;
}

export class HostSession implements VersionHost {
  readonly link: MessageLink<HostMessage, ManagerMessage>;
  readonly #options: HostSessionOptions;
  readonly #mayLogAccusation: () => boolean;
  readonly #helloTimer: Timer;
  #card: HostCard | undefined;
  /** What the host was told last. */
  #reportEveryMs = 0;
  #hostsTold = 0;
  readonly #tickets = new Map<string, { readonly text: string; readonly signedMs: number }>();
  readonly tasks = new Set<string>();
  readonly #recalls = new Map<string, (manifest: RecalledManifest | undefined) => void>();

  constructor(options: HostSessionOptions) {
    this.#options = options;
    this.#mayLogAccusation = logBudget(options.clock, accusationsLoggedPerSecond);
    this.link = new MessageLink(options.clock, readHostMessage, (message) => this.#received(message));
    this.#helloTimer = options.clock.after(helloTimeoutMs, () => this.link.close(), { background: true });
  }

  get caller(): Caller {
    return isLoopbackAddress(this.#options.address) ? "near" : "far";
  }

  get member(): Member | undefined {
    return this.#options.member;
  }

  get card(): HostCard {
    return this.#card ?? { id: "", name: "", site: "", address: "", port: 0 };
  }

  send(message: ManagerMessage): void {
    this.link.send(message);
  }

  ticket(task: string): string | undefined {
    const { trust, key, clock } = this.#options;
    if (!trust || this.#card === undefined) return undefined;
    const known = this.#tickets.get(task);
    if (known !== undefined && clock.nowMs() - known.signedMs < ticketReuseMs) return known.text;
    const text = signTicket(key, task, this.#card.id, clock.wallMs());
    this.#tickets.set(task, { text, signedMs: clock.nowMs() });
    return text;
  }

  recall(task: string, generation: string): Promise<RecalledManifest | undefined> {
    if (this.#recalls.has(task)) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(recallTimeoutMs, () => answer(undefined));
      const answer = (manifest: RecalledManifest | undefined): void => {
        timer.cancel();
        this.#recalls.delete(task);
        resolve(manifest);
      };
      this.#recalls.set(task, answer);
      this.send({ kind: "recall", task, generation });
    });
  }

  /** The host is gone: it takes and gives nothing any more. */
  ended(): void {
    this.#helloTimer.cancel();
    for (const answer of this.#recalls.values()) answer(undefined);
    this.link.ended();
    for (const task of this.tasks) {
      this.#options.knownTask(task)?.leave(this);
      this.#options.crowds.left(task);
    }
    this.tasks.clear();
  }

  #received(message: HostMessage): void {
    if (this.#card === undefined) return this.#hello(message);
    switch (message.kind) {
      case "ask":
        this.#keepPace();
        return this.#ask(message);
      case "report":
        if (message.state === "downloading") this.#keepPace();
        return this.#options.knownTask(message.task)?.report(this, message.generation, {
          news: message.news,
          starving: message.starving,
          crossing: message.crossing,
          seeding: message.state === "seeding",
          upBytesPerSecond: message.upBytesPerSecond,
          downBytesPerSecond: message.downBytesPerSecond,
          crossedBytes: message.crossedBytes,
        });
      case "enquire":
        return this.send({ kind: "helps", task: message.task, helps: this.#options.crowds.helps(message.task) });
      case "seek":
        return this.#options.knownTask(message.task)?.seek(message.position);
      case "look":
        return void this.#look(message);
      case "fetched":
        return this.#options.onFetched?.(this, message);
      case "leave":
        if (this.tasks.delete(message.task)) this.#options.crowds.left(message.task);
        this.#tickets.delete(message.task);
        return this.#options.knownTask(message.task)?.leave(this);
      case "accuse":
        if (this.#mayLogAccusation()) {
          const { task, parent, piece } = message;
          this.#options.log.warn("peer.accused", { task, by: this.card.id, parent, piece });
        }
        return this.#options
          .knownTask(message.task)
          ?.versionOf(message.generation)
          ?.accuse(this.card.id, message.parent, message.piece);
      case "recalled":
        return this.#recalls.get(message.task)?.(message.manifest);
      case "hello":
        return;
      default:
      // A kind of a newer minor version: skipped.
    }
  }

  async #look({ id, look }: Extract<HostMessage, { kind: "look" }>): Promise<void> {
    try {
      const asked = { ...look, caller: this.caller };
      const seen = look.right === undefined ? this.#options.gate.look(asked) : this.#mayRead(look, look.right);
      this.send({ kind: "seen", id, seen: await seen });
    } catch (error) {
      this.send({ kind: "seen", id, error: errorToWire(error) });
    }
  }

  async #mayRead({ url, headers }: LookAsk, { task, digest }: NonNullable<LookAsk["right"]>): Promise<Seen> {
    const managed = this.#options.knownTask(task);
    if (managed === undefined) throw new DarnerError("cluster.refused", "cannot say who may read it: it is not here");
    await managed.assertMayRead({ url, headers, digest, filterQuery: [], tag: "" }, this.caller);
    return { status: 200, headers: {}, ageMs: 0, stale: false };
  }

  /** Who comes while few are here, or stays while many come, has to speak at another pace. */
  #keepPace(): void {
    const { pace, clock, hostsKnown } = this.#options;
    pace.heard(this, clock.nowMs());
    const { reportEveryMs } = pace;
    const hosts = hostsKnown();
    const moved = Math.abs(hosts - this.#hostsTold) > hosts * untoldHostsShare;
    if (reportEveryMs === this.#reportEveryMs && !moved) return;
    this.#reportEveryMs = reportEveryMs;
    this.#hostsTold = hosts;
    this.send({ kind: "pace", reportEveryMs, hosts });
  }

  #hello(message: HostMessage): void {
    const { log, trust, manager, key, pace, hostsKnown, siteOf, onHello, address } = this.#options;
    if (message.kind !== "hello" || Number(message.version.split(".")[0]) !== protocolVersion.major) {
      log.warn("host.refused", {
        remote: this.link.remote,
        reason: "its first message is no hello of a fitting version",
      });
      return this.link.close();
    }
    const { host } = message;
    const reason = trust ? cardProblem(host, this.#options.member) : undefined;
    if (reason !== undefined) {
      log.warn("host.refused", { remote: this.link.remote, reason });
      return this.link.close();
    }
    // Reached where it came from: a host that says nothing, and one from afar that names loopback or
    // link-local, where its peers would find themselves.
    const elsewhere = host.address !== "" && (this.caller === "near" || !isOfOneMachine(host.address));
    const card = elsewhere ? host : { ...host, address };
    this.#card = { ...card, site: siteOf(card) };
    this.#helloTimer.cancel();
    onHello(this);
    this.#reportEveryMs = pace.reportEveryMs;
    this.#hostsTold = hostsKnown();
    this.send({
      kind: "welcome",
      version: `${protocolVersion.major}.${protocolVersion.minor}`,
      manager,
      hosts: this.#hostsTold,
      reportEveryMs: this.#reportEveryMs,
      ...(trust ? { publicKey: key.publicKey } : {}),
    });
  }

  #ask(message: Extract<HostMessage, { kind: "ask" }>): void {
    const { ask, task } = message;
    let computed: string;
    try {
      computed = taskIdOf(ask);
    } catch {
      computed = "";
    }
    if (computed !== task) {
      const error = {
        code: "cluster.protocol",
        message: "cannot take the task: its id does not follow from what is asked",
        retry: "never",
      } as const;
      return this.send({ kind: "failed", task, error });
    }
    try {
      if (ask.sensitive === true && !this.#options.trust) throw noSafeWay();
      if (message.heldOnly === true && !this.#options.holdsTask(task)) throw notHeld();
      const isNew = !this.tasks.has(task);
      if (isNew && this.#options.crowds.delegates(task, message.home)) return this.send({ kind: "delegated", task });
      const managed = this.#options.taskFor(task);
      if (isNew) this.#options.crowds.joined(task);
      this.tasks.add(task);
      void managed.join({ host: this, ask, holds: message.holds, small: message.small });
    } catch (error) {
      this.send({ kind: "failed", task, error: errorToWire(error) });
    }
  }
}

function notHeld(): DarnerError {
  return new DarnerError("cluster.refused", "cannot lend the object: this manager does not have it", { retry: "now" });
}

function noSafeWay(): DarnerError {
  const why = "its key may travel over TLS alone, and this manager runs with --trust off";
  return new DarnerError("cluster.refused", `cannot share a sensitive object: ${why}`);
}

/** The key that signs the host's nonces is that of its certificate, where it shows one. */
function cardProblem(host: HostCard, member: Member | undefined): string | undefined {
  if (host.publicKey === undefined || keyId(host.publicKey) !== host.id) return "its id does not follow from its key";
  if (member !== undefined && member.publicKey !== host.publicKey) return "its key is not that of its certificate";
  return undefined;
}
