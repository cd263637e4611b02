/**
 * The cluster manager: fetches each object once, checks it, cuts it into pieces, seeds them, and
 * decides who may feed whom. This file holds the tasks and the hosts' sessions together.
 */

import { DarnerError } from "#base/mod.ts";
import type { ManagerDirectory } from "#cluster/mod.ts";
import type { Member } from "#core/model/mod.ts";
import { siteOf, type SiteRange } from "#core/placement/mod.ts";
import type { HostCard, OpenRequest, ParentOffer, TaskAsk } from "#core/protocol/mod.ts";
import { acrossSlots, Pace, type Swarm } from "#core/swarm/mod.ts";
import type { Origin } from "#origins/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { Connection, Dialler } from "#platform/sockets/connection.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { Random } from "#platform/machine/random.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import type { TaskCache } from "#storage/pieces/mod.ts";
import {
  Limiter,
  Looks,
  mustSeal,
  ReadGate,
  taskIdOf,
  ticketRefusal,
  Uploads,
  type SealEpochs,
  type SealRule,
} from "#transfer/mod.ts";
import { Accusations } from "./hosts/mod.ts";
import { HostSession } from "./host-session.ts";
import { Colleagues, Crowds } from "./colleagues/mod.ts";
import { explainTask } from "./explain-task.ts";
import { heldManifest, IdleSweep, ManagedTask, SeedSlots, TaskVersion } from "./tasks/mod.ts";
import { registerManagerMetrics } from "./manager-metrics.ts";
import { Preheater } from "./preheat/mod.ts";

/** Tasks kept in memory; idle ones beyond it are put away (their bytes stay in the cache). */
const tasksMax = 100_000;
const certificatesEveryMs = 30_000;
const sessionsMax = 20_000;

export interface ClusterManagerSettings {
  readonly originConnections: number;
  readonly uploadRateBytesPerSecond: number;
  readonly uploadSlots: number;
  readonly pieceBytes: number | undefined;
  /** Hosts of one task that it serves itself before it sends others to their own managers. */
  readonly taskHostsMax: number;
  readonly seal: SealRule;
}

export interface ClusterManagerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly origin: Origin;
  readonly cache: TaskCache;
  /** To look at hosts that others accuse, and to fetch from other managers and their hosts. */
  readonly dialler: Dialler;
  /** Every manager of the cluster; absent where no config service tells them. */
  readonly managers?: ManagerDirectory | undefined;
  readonly key: SigningKey;
  readonly trust: boolean;
  readonly name: string;
  /** Where it names one. */
  readonly site?: string | undefined;
  readonly isRevoked?: (host: string) => boolean;
  /** What the keys of sealed objects are made from. */
  readonly epochs?: SealEpochs | undefined;
  /** Where hosts reach this manager's piece plane. */
  readonly advertise: () => { readonly address: string; readonly port: number };
  readonly settings: ClusterManagerSettings;
}

/** What a connection's bytes and its end are given to. */
export interface ConnectionOwner {
  received(bytes: Uint8Array): void;
  ended(): void;
}

export class ClusterManager {
  readonly id: string;
  readonly uploads: Uploads;
  readonly #options: ClusterManagerOptions;
  readonly #originLimiter: Limiter;
  readonly #uploadLimiter: Limiter;
  readonly #tasks = new Map<string, ManagedTask>();
  readonly #sessions = new Set<HostSession>();
  readonly #pace = new Pace();
  readonly #crowds: Crowds;
  readonly #accusations: Accusations;
  readonly #seeding: SeedSlots;
  readonly #gate: ReadGate;
  /** Works off preheat orders once it is given some. */
  readonly preheater: Preheater;
  readonly #colleagues: Colleagues;
  /** The config service is to hear at once. */
  onDraining: () => void = () => undefined;
  readonly #drainingHosts = new Set<string>();
  #draining = false;
  #settings: ClusterManagerSettings;
  /** The sites of hosts that do not name theirs. */
  #siteRanges: readonly SiteRange[] = [];
  readonly #sweep: IdleSweep;
  #certificatesTimer: Timer | undefined;
  #originBytes = 0;

  constructor(options: ClusterManagerOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.id = options.key.id;
    const { clock, log } = options;
    this.#originLimiter = new Limiter(clock, Infinity);
    this.#uploadLimiter = new Limiter(clock, options.settings.uploadRateBytesPerSecond);
    this.uploads = new Uploads({
      clock,
      log,
      limiter: this.#uploadLimiter,
      slots: options.settings.uploadSlots,
      acrossSlots: acrossSlots.seed,
      trust: options.trust,
      refusal: (request, host) => this.#refusal(request, host),
    });
    this.#seeding = new SeedSlots(clock, this.uploads, () => this.#swarms(), options.settings.uploadSlots);
    const looks = new Looks(clock, (ask, signal) => options.origin.look(ask, signal));
    const { managers } = options;
    this.#crowds = new Crowds({ clock, own: this.id, hostsMax: () => this.#settings.taskHostsMax, managers });
    this.#gate = new ReadGate(clock, looks, (digest) => this.#heldManifest(digest));
    this.#accusations = new Accusations(options);
    this.preheater = new Preheater({
      clock,
      log,
      id: this.id,
      origin: options.origin,
      taskFor: (task) => this.#taskFor(task),
      hosts: () => [...this.#sessions].filter(({ card }) => card.id !== "" && !this.#colleagues.knows(card.id)),
    });
    const { name, site = "", key, trust } = options;
    this.#colleagues = new Colleagues({
      ...options,
      card: () => ({ id: key.id, name, site, ...options.advertise(), ...(trust ? { publicKey: key.publicKey } : {}) }),
    });
    registerManagerMetrics(options.metrics, {
      trust,
      cache: options.cache,
      uploads: this.uploads,
      hosts: () => this.#sessions.size,
      hostsShutOut: () => this.#accusations.suspicion.shutOut,
      crowds: this.#crowds,
      tasks: () => this.#tasks.size,
      originBytes: () => this.#originBytes,
    });
    this.#sweep = new IdleSweep(clock, this.#tasks, (task) => void this.#putAway(task));
    this.#endWithCertificates();
  }

  get hosts(): number {
    return this.#sessions.size;
  }

  /** Takes no new task where another manager is there; what runs goes on. */
  get draining(): boolean {
    return this.#draining;
  }

  drain(draining: boolean): void {
    this.#draining = draining;
    this.#options.log.info("manager.draining", { draining });
    this.onDraining();
  }

  /** The host feeds nobody from now on, or again; its own downloads go on. */
  drainHost(host: string, draining: boolean): void {
    if (!draining) this.#drainingHosts.delete(host);
    else if (this.#drainingHosts.size < sessionsMax) this.#drainingHosts.add(host);
    this.#options.log.info("host.draining", { host, draining });
    if (draining) for (const task of this.#tasks.values()) task.current?.shutOut(host);
  }

  /** What there is to say of a task in memory. */
  explain(task: string): object | undefined {
    const managed = this.#tasks.get(task);
    const isManager = (id: string): boolean => this.#colleagues.knows(id);
    if (managed === undefined) return undefined;
    return explainTask(managed, this.uploads, this.#options.clock.nowMs(), isManager);
  }

  /** The hosts that are connected. */
  *hostList(): Generator<{ readonly card: HostCard; readonly tasks: number; readonly draining: boolean }> {
    for (const { card, tasks } of this.#sessions) {
      if (card.id === "" || this.#colleagues.knows(card.id)) continue;
      yield { card, tasks: tasks.size, draining: this.#drainingHosts.has(card.id) };
    }
  }

  get originBytes(): number {
    return this.#originBytes;
  }

  tasks(): IterableIterator<[string, ManagedTask]> {
    return this.#tasks.entries();
  }

  /** Changes what may change while running. */
  applySettings(settings: ClusterManagerSettings): void {
    this.#settings = settings;
    this.#seeding.setMin(settings.uploadSlots);
    this.#uploadLimiter.setRate(settings.uploadRateBytesPerSecond);
  }

  /** For hosts that come from now on, and objects that are opened. */
  setSiteRanges(ranges: readonly SiteRange[]): void {
    this.#siteRanges = ranges;
  }

  /** A host of which no site is known counts as in the manager's own. */
  #siteOf(host: { readonly site: string; readonly address: string }): string {
    return siteOf(host, this.#siteRanges) ?? this.#site;
  }

  get #site(): string {
    const { site, advertise } = this.#options;
    return siteOf({ site, address: advertise().address }, this.#siteRanges) ?? "";
  }

  *#swarms(): Generator<Swarm> {
    for (const task of this.#tasks.values()) if (task.current !== undefined) yield task.current.swarm;
  }

  /** A host's control connection. */
  acceptControl(connection: Connection, address: string, member?: Member): ConnectionOwner {
    const { clock, log, trust, key, cache } = this.#options;
    const session = new HostSession({
      clock,
      log,
      trust,
      key,
      address,
      member,
      manager: this.id,
      pace: this.#pace,
      hostsKnown: () => this.#sessions.size,
      siteOf: (card) => this.#siteOf(card),
      gate: this.#gate,
      onFetched: (host, message) => this.preheater.fetched(host.card.id, message),
      taskFor: (task) => this.#taskFor(task),
      holdsTask: (task) => this.#tasks.get(task)?.current?.generation !== undefined || cache.latest(task) !== undefined,
      knownTask: (task) => this.#tasks.get(task),
      crowds: this.#crowds,
      onHello: (greeted) =>
        log.info("host.joined", { host: greeted.card.id, name: greeted.card.name, remote: connection.remote }),
    });
    this.#sessions.add(session);
    session.link.attach(connection);
    if (this.#sessions.size > sessionsMax) connection.close();
    return {
      received: (bytes) => session.link.received(bytes),
      ended: () => {
        this.#sessions.delete(session);
        session.ended();
        log.info("host.left", { host: session.card.id, remote: connection.remote });
      },
    };
  }

  /** A host's piece connection. */
  acceptPieces(connection: Connection, host: string, nonce: string): ConnectionOwner {
    return this.uploads.accept(connection, host, nonce);
  }

  /** Ends every connection of hosts that count no longer. */
  revoke(hosts: ReadonlySet<string>): void {
    for (const { member, link } of this.#sessions) if (member !== undefined && hosts.has(member.id)) link.close();
    this.uploads.dropHosts(hosts);
  }

  async stop(): Promise<void> {
    this.#sweep.stop();
    this.#certificatesTimer?.cancel();
    this.#seeding.stop();
    this.preheater.stop();
    this.#colleagues.stop();
    for (const session of this.#sessions) session.link.close();
    this.uploads.close();
    await Promise.all([...this.#tasks.values()].map((task) => task.close("the manager stops")));
    this.#tasks.clear();
  }

  #refusal(request: OpenRequest, host: string): string | null {
    const { trust, key, clock } = this.#options;
    if (!trust) return null;
    if (this.#options.isRevoked?.(host) === true) return "the host was revoked";
    return ticketRefusal(
      request.ticket,
      { task: request.task, host },
      [key.publicKey, ...this.#colleagues.keys],
      clock.wallMs(),
    );
  }

  #taskFor(task: string): ManagedTask {
    const known = this.#tasks.get(task);
    if (known !== undefined) return known;
    if (this.#tasks.size >= tasksMax)
      throw new DarnerError("cluster.refused", "cannot take another task: too many run", { retry: { afterMs: 1000 } });
    const { clock, random, log, origin, cache, trust } = this.#options;
    const managed = new ManagedTask({
      clock,
      random,
      log,
      origin,
      cache,
      task,
      limiter: this.#originLimiter,
      connectionsMax: () => this.#settings.originConnections,
      pieceBytes: this.#settings.pieceBytes,
      hosts: () => Math.max(this.#sessions.size, 1),
      onOriginBytes: (count) => (this.#originBytes += count),
      makeRoom: () => this.#makeRoom(),
      mustSeal: (ask) => mustSeal(ask, trust, this.#settings.seal),
      assertMayRead: (ask, caller) => this.#gate.assertMayRead(ask, caller),
      openVersion: (id, folder, ask) => this.#openVersion(id, folder, ask),
      ...this.#colleagues.aidFor(task, origin),
    });
    this.#tasks.set(task, managed);
    this.#sweep.added();
    return managed;
  }

  /** From the task in memory: what is not there any more is asked of the registry. */
  #heldManifest(digest: string): Promise<Uint8Array | undefined> {
    const task = taskIdOf({ url: "http://any/", headers: {}, filterQuery: [], tag: "", digest });
    return heldManifest(this.#tasks.get(task)?.current);
  }

  async #openVersion(task: string, folder: string, ask: TaskAsk): Promise<TaskVersion> {
    const { clock, random, log, cache, advertise, trust, key, epochs } = this.#options;
    const store = await cache.hold(task, folder);
    const isSealed = store.object?.seal !== undefined || mustSeal(ask, trust, this.#settings.seal);
    if (isSealed) await epochs?.whenTold();
    const seed: ParentOffer = { id: this.id, ...advertise(), seed: true };
    const sign = trust ? (seal: Uint8Array): string => key.sign("manifest", seal) : undefined;
    const { uploads } = this;
    const site = this.#site;
    const onShutOut = (host: string): void => {
      for (const other of this.#tasks.values()) other.current?.shutOut(host);
    };
    const unit = (): number => random.unit();
    const onSpoiled = (): void => this.#tasks.get(task)?.refetch();
    const isDraining = (host: string): boolean => this.#drainingHosts.has(host);
    const trusted = { sign, epochs, accusations: this.#accusations, onShutOut, onSpoiled };
    return new TaskVersion({
      clock,
      log,
      unit,
      task,
      ask,
      store,
      uploads,
      seed,
      site,
      isDraining,
      ...trusted,
    });
  }

  /** A host whose certificate has ended comes back with the one that it was renewed to, or not at all. */
  #endWithCertificates(): void {
    const again = (): void => this.#endWithCertificates();
    this.#certificatesTimer = this.#options.clock.after(certificatesEveryMs, again, { background: true });
    const wallMs = this.#options.clock.wallMs();
    for (const { member, link } of this.#sessions) if (member !== undefined && member.endsAtMs < wallMs) link.close();
  }

  /** The task that nobody has asked about for longest, of those that nobody gets now. */
  async #makeRoom(): Promise<boolean> {
    const quiet = [...this.#tasks].filter(([, task]) => task.quiet);
    if (quiet.length === 0) return false;
    const [id, task] = quiet.reduce((oldest, other) => (other[1].usedMs < oldest[1].usedMs ? other : oldest));
    this.#tasks.delete(id);
    await this.#putAway(task);
    return true;
  }

  async #putAway(task: ManagedTask): Promise<void> {
    try {
      await task.close("nobody gets it");
    } catch (error) {
      this.#options.log.warn("task.close-failed", { message: (error as Error).message });
    }
  }
}
