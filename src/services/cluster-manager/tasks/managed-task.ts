/**
 * One task at the manager: which of its versions an asker gets, and when the origin is asked.
 *
 * Invariants:
 *  1. At most one fetch and one revalidation of a task run at a time; asks that come meanwhile wait
 *     for it or join what is running.
 *  2. Whoever joins a running transfer gets its version; what is whole is used as the caching rules
 *     allow, else revalidated, at most once a second without an explicit lifetime.
 *  3. A failure is told to all whom it concerns, and again to who asks within a second, without a new request.
 */

import { asDarnerError, DarnerError, errorToWire } from "#base/mod.ts";
import type { SwarmReport } from "#core/swarm/mod.ts";
import { judge, refresh, useDecision } from "#core/freshness/mod.ts";
import { placeOf } from "#core/image/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import { reserveRoom } from "#storage/pieces/mod.ts";
import { concealFacts, nameGeneration, OriginFetch, type BodyAnswer } from "#transfer/mod.ts";
import { Askers } from "./askers.ts";
import { Failure } from "./failure.ts";
import { isGuardedFrom } from "./guarded.ts";
import { isGuarded, Places } from "../hosts/mod.ts";
import type { Aid, JoinRequest, ManagedTaskOptions } from "./managed-task-options.ts";
import { recordOfTaken, type TakenOver } from "../colleagues/mod.ts";
import type { TaskVersion } from "./task-version.ts";
import type { VersionHost } from "../hosts/mod.ts";
import { conditionOf, expectedDigests, isSameVersion, whyUseless } from "./version-rules.ts";
import { VersionSet, type Version } from "./version-set.ts";

/** A cut may lose 10 MB; a cluster asks its origin for at most 1.01 copies. */
const splitBytesMin = 512 * 1024 * 1024;
const revalidateTimeoutMs = 30_000;
/** What an asker was to get may be gone, or have failed for another, while he is looked at. */
const triesMax = 4;

export class ManagedTask {
  readonly #options: ManagedTaskOptions;
  readonly #places: Places;
  readonly #versions: VersionSet;
  readonly #askers = new Askers();
  #settling: Promise<void> | undefined;
  #failure: Failure | undefined;
  #lastCheckedMs = 0;
  /** Who was let in last: on whose word the origin may be asked again. */
  #lastJoin: JoinRequest | undefined;
  #originFetch: OriginFetch | undefined;
  /** Where a host waits for bytes, for a fetch that has not begun. */
  #sought: number | undefined;
  /** When a host last asked for it or told of it. */
  usedMs: number;
  readonly #abort = new AbortController();

  constructor(options: ManagedTaskOptions) {
    this.#options = options;
    this.#versions = new VersionSet(options);
    this.#places = new Places({ ...options, signal: this.#abort.signal });
    this.usedMs = options.clock.nowMs();
  }

  get current(): TaskVersion | undefined {
    return this.#current?.version;
  }

  get #current(): Version | undefined {
    return this.#versions.current;
  }

  /** Body bytes that its origin sent since it is in memory. */
  originBytes = 0;

  get fetching(): boolean {
    return this.#current?.fetching ?? false;
  }

  /** Why the last fetch ended early. */
  get failure(): DarnerError | undefined {
    return this.#failure?.error;
  }

  /** Nobody fetches or gets it now; hosts that have it may be here. */
  get quiet(): boolean {
    return !this.#busy && this.versions().every((version) => !version.wanted);
  }

  /** Nobody fetches, gets or serves it. */
  get idle(): boolean {
    return !this.#busy && this.versions().every((version) => version.hosts === 0);
  }

  get #busy(): boolean {
    return this.fetching || this.#settling !== undefined || this.#versions.erasing || this.#askers.busy;
  }

  versions(): readonly TaskVersion[] {
    return this.#versions.all;
  }

  /** The version that a host's message speaks of. */
  versionOf(generation: string): TaskVersion | undefined {
    return this.#versions.all.find((version) => version.generation === generation);
  }

  /** Lets a host in; what it hears comes by messages. Never rejects. */
  async join(request: JoinRequest): Promise<void> {
    const { host, holds } = request;
    this.usedMs = this.#options.clock.nowMs();
    if (holds !== undefined && this.#lacks) this.#options.takeover.announce({ host, ...holds });
    this.#askers.asks(request);
    try {
      await this.#letIn(request);
    } catch (error) {
      if (!this.#askers.waits(request)) return;
      host.send({ kind: "failed", task: this.#options.task, error: errorToWire(asDarnerError(error)) });
    } finally {
      this.#askers.answered(request);
    }
  }

  /** Unless it leaves. Rejects with why it gets nothing. */
  async #letIn(request: JoinRequest): Promise<void> {
    const { ask, host, holds, small } = request;
    for (let tries = 0; tries < triesMax; tries++) {
      await this.#settled(request);
      this.#lastJoin = request;
      // Asked first of all, so that whoever needs no leave joins before anything else happens.
      await this.assertMayRead(ask, host.caller);
      if (!this.#askers.waits(request)) return;
      const failed = this.fetching ? undefined : this.#failure;
      if (failed?.concerns(request, this.#options.clock.nowMs()) === true) throw failed.error;
      const entry = this.#current;
      if (failed !== undefined || entry === undefined) continue;
      this.#options.cache.touch(this.#options.task, entry.folder);
      this.#askers.letIn(request, entry.fetching);
      return entry.version.join(host, holds, small);
    }
    throw new DarnerError("cluster.refused", "cannot let the host in: what it asks for goes as soon as it comes", {
      retry: { afterMs: 1000 },
    });
  }

  /** Rejects unless his credential is good where he asks, and these bytes are there. */
  async assertMayRead(ask: TaskAsk, caller: Caller): Promise<void> {
    const before = this.#current;
    if (before === undefined || !isGuardedFrom(ask, before)) return;
    await this.#options.assertMayRead({ ...ask, digest: ask.digest! }, caller);
    const entry = this.#current;
    const comesFromThere = entry?.fetching === true && placeOf(entry.fetchedFor?.url ?? ask.url) === placeOf(ask.url);
    if (entry !== undefined && !comesFromThere) await this.#places.assertProved(entry.version.store, ask, caller);
  }

  /** Who comes while another settles takes what that one finds: one question to the origin for a whole wave. */
  async #settled(request: JoinRequest): Promise<void> {
    while (this.#settling !== undefined) {
      const isShared = await this.#settling.then(
        () => this.#current !== undefined,
        (error: unknown) => this.#shares(error, request),
      );
      if (isShared || !this.#askers.waits(request)) return;
    }
    if (!this.fetching) await this.#settleFor(request.ask, request.host.caller);
  }

  /** What went wrong on another's word may go well on his own. */
  #shares(error: unknown, request: JoinRequest): false {
    if (this.#failure?.concerns(request, this.#options.clock.nowMs()) !== false) throw error;
    return false;
  }

  #settleFor(ask: TaskAsk, caller: Caller): Promise<void> {
    this.#settling = this.#settle(ask, caller)
      .catch((error: unknown) => {
        if (error !== this.#failure?.error)
          this.#failure = new Failure(asDarnerError(error), ask, caller, this.#options.clock.nowMs());
        throw error;
      })
      .finally(() => {
        this.#settling = undefined;
        this.#options.takeover.forget();
      });
    return this.#settling;
  }

  /** A host waits for the byte at `position`. */
  seek(position: number): void {
    this.#sought = position;
    this.#originFetch?.seek(position);
  }

  /** A stored piece turned out to be spoiled: what lacks is got from the origin again. */
  refetch(): void {
    const last = this.#lastJoin;
    if (last === undefined || this.fetching || this.#settling !== undefined) return;
    void this.#settleFor(last.ask, last.host.caller).catch(() => undefined);
  }

  /** A host's progress; who has it all may be the last for whom it was kept. */
  report(host: VersionHost, generation: string, report: SwarmReport): void {
    this.usedMs = this.#options.clock.nowMs();
    this.versionOf(generation)?.report(host.card.id, report);
    if (report.seeding) this.#versions.dropUnused();
  }

  leave(host: VersionHost): void {
    this.#askers.leave(host);
    this.#options.takeover.forget(host);
    this.#versions.leave(host);
  }

  async close(reason: string): Promise<void> {
    this.#abort.abort(new DarnerError("interrupted", reason));
    await this.#versions.close(reason);
  }

  /** Makes `#current` a version that a new asker may have: running, fresh, revalidated or just begun. */
  async #settle(ask: TaskAsk, caller: Caller): Promise<void> {
    const { clock, cache, task } = this.#options;
    this.#abort.signal.throwIfAborted();
    const standing = this.#failure?.standsFor(ask, clock.nowMs());
    if (standing === true) throw this.#failure!.error;
    this.#failure = undefined;
    await this.#versions.erased();
    if (this.#current === undefined) {
      const folder = cache.latest(task);
      // Open already, where hosts still get it.
      const former = this.#versions.restore((entry) => entry.folder === folder);
      if (folder !== undefined && former === undefined) await this.#openKept(folder, ask);
    }
    if (this.#lacks && (this.#current?.version.hosts ?? 0) === 0) {
      const found = await this.#options.takeover.find(ask, caller, this.#abort.signal);
      if (found !== undefined && "head" in found) return await this.#takeOver(found, ask, caller);
      if (found !== undefined) return await this.#fetch(ask, caller, found);
    }
    const version = this.#current?.version;
    if (version?.store.end === undefined) return await this.#fetch(ask, caller);
    if (ask.digest !== undefined && !ask.digest.startsWith("md5:")) return;
    await this.#revalidate(version, ask, caller);
  }

  /** There is nothing of it here, or a part that nobody is getting more of. */
  get #lacks(): boolean {
    return !this.fetching && this.#current?.version.store.end === undefined;
  }

  /** What lies in clear and should not, or sealed with a key that is lost, is of no use. */
  async #openKept(folder: string, ask: TaskAsk): Promise<void> {
    const entry = await this.#versions.open(folder, ask);
    const reason = whyUseless(entry.version, this.#options.mustSeal(ask));
    if (reason === undefined) return;
    this.#options.log.info("task.dropped", { task: this.#options.task, reason });
    this.#versions.drop(entry);
    await this.#versions.erased();
  }

  async #revalidate(version: TaskVersion, ask: TaskAsk, caller: Caller): Promise<void> {
    const { clock, origin, log, task } = this.#options;
    const { facts } = version;
    if (facts === undefined) return await this.#fetch(ask, caller);
    const stored = { facts, judgement: judge(facts, ask.headers) };
    if (useDecision(stored, clock.wallMs(), this.#lastCheckedMs) === "fresh") return;
    const unless = conditionOf(facts);
    if (unless === undefined) return await this.#fetch(ask, caller);
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(revalidateTimeoutMs)]);
    try {
      const answer = await origin.open({ url: ask.url, headers: ask.headers, unless, caller }, signal);
      if (answer.kind === "body") {
        if (!isSameVersion(version, answer)) return await this.#takeOther(answer, ask, caller);
        answer.body.close();
      }
      this.#lastCheckedMs = clock.wallMs();
      const fresher = refresh(stored, answer.facts, ask.headers);
      if (fresher === undefined) return await this.#fetch(ask, caller);
      version.store.annotate({ ...version.store.object?.notes, facts: concealFacts(fresher.facts) });
      log.info("task.revalidated", { task });
    } catch (error) {
      if (clock.wallMs() >= stored.judgement.staleIfErrorUntilMs) throw error;
      log.warn("task.stale-if-error", { task, message: (error as Error).message });
    }
  }

  /** Another version, or a former one that hosts are still getting. */
  async #takeOther(answer: BodyAnswer, ask: TaskAsk, caller: Caller): Promise<void> {
    const former = this.#versions.restore(({ version }) => isSameVersion(version, answer));
    if (former === undefined) return await this.#fetch(ask, caller, answer);
    answer.body.close();
    if (former.store.end === undefined) return await this.#fetch(ask, caller);
    this.#lastCheckedMs = this.#options.clock.wallMs();
    former.store.annotate({ ...former.store.object?.notes, facts: concealFacts(answer.facts) });
  }

  /** Begins a fetch into the resumable version, or into a new one; returns once it runs. */
  async #fetch(ask: TaskAsk, caller: Caller, opened?: BodyAnswer): Promise<void> {
    const { random } = this.#options;
    const resumable =
      opened === undefined && this.#current !== undefined && this.#current.version.store.end === undefined;
    const folder = Buffer.from(random.bytes(8)).toString("hex");
    const entry = resumable ? this.#current : await this.#versions.open(folder, ask);
    entry.fetching = true;
    entry.fetchedFor = ask;
    void this.#run(entry, ask, caller, opened === undefined ? {} : { opened });
  }

  /** Goes on where another manager ended: what its hosts hold comes from them, the rest from the origin. */
  async #takeOver(found: TakenOver, ask: TaskAsk, caller: Caller): Promise<void> {
    const { random, log, task, regain } = this.#options;
    const { head, sealSecret } = found;
    const isPart = this.#current?.version.store.object?.generation === head.generation;
    const folder = Buffer.from(random.bytes(8)).toString("hex");
    const entry = isPart ? this.#current : await this.#versions.open(folder, ask);
    if (head.seal !== undefined) entry.version.sealing.take(sealSecret, head.seal);
    await reserveRoom(this.#options, entry.folder, head.lengthBytes ?? 0);
    if (!isPart) await entry.version.store.begin(recordOfTaken(found, ask));
    entry.version.tookOver(found.listed);
    log.info("task.taken-over", { task, pieces: found.listed.length, listed: found.listed.count });
    entry.fetching = true;
    entry.fetchedFor = ask;
    void this.#run(entry, ask, caller, { regain: regain(entry.version, found), listed: found.listed });
  }

  async #run(entry: Version, ask: TaskAsk, caller: Caller, aid: Aid): Promise<void> {
    const { opened, regain, listed } = aid;
    const { clock, random, log, origin, limiter, task } = this.#options;
    const { version } = entry;
    const sealed = version.store.object?.seal !== undefined || this.#options.mustSeal(ask);
    const startedMs = clock.nowMs();
    if (regain !== undefined) this.#abort.signal.addEventListener("abort", () => regain.stop(), { once: true });
    const fetch = new OriginFetch({
      origin,
      clock,
      random,
      limiter,
      store: version.store,
      url: ask.url,
      headers: ask.headers,
      caller,
      expected: expectedDigests(ask),
      proveAlways: true,
      connectionsMax: this.#options.connectionsMax(),
      splitBytesMin,
      hosts: this.#options.hosts(),
      triesMax: 5,
      signal: this.#abort.signal,
      generationOf: (facts) => nameGeneration({ task, ...facts }, random),
      ...(this.#options.pieceBytes === undefined ? {} : { pieceBytes: this.#options.pieceBytes }),
      ...(sealed ? { sealing: version.sealing } : {}),
      ...(opened === undefined ? {} : { opened }),
      ...(regain === undefined || listed === undefined ? {} : { beside: { pieces: listed, ended: regain.ended } }),
      onObject: (object) => reserveRoom(this.#options, entry.folder, object.lengthBytes ?? 0),
      onBegun: () => {
        regain?.stop();
        if (isGuarded(ask)) version.store.annotate({ ...version.store.object?.notes, guarded: true });
        version.began();
      },
      onPiece: (index) => version.pieceStored(index),
      onBytes: (count) => {
        version.filling.bytesCame();
        this.originBytes += count;
        this.#options.onOriginBytes(count);
      },
      onRetry: (error, delayMs) => {
        version.filling.asked();
        log.warn("origin.retry", { task, code: error.code, message: error.message, delayMs });
      },
    });
    if (regain === undefined) version.filling.asked();
    let failure: Failure | undefined;
    this.#originFetch = fetch;
    if (this.#sought !== undefined) fetch.seek(this.#sought);
    try {
      const end = await fetch.run();
      await reserveRoom(this.#options, entry.folder, end.lengthBytes).catch(() => undefined);
      this.#lastCheckedMs = clock.wallMs();
      entry.fetching = false;
      if (isGuarded(ask)) this.#places.add(version.store, ask.url);
      version.ended();
      log.info("task.whole", { task, lengthBytes: end.lengthBytes, ms: Math.round(clock.nowMs() - startedMs) });
    } catch (error) {
      entry.fetching = false;
      const known = asDarnerError(error);
      failure = this.#failure = new Failure(known, ask, caller, clock.nowMs());
      log.warn("task.failed", { task, code: known.code, message: known.message });
    }
    regain?.stop();
    version.filling.stop();
    this.#originFetch = undefined;
    this.#sought = undefined;
    this.#fetchOver(version, failure);
    this.#versions.dropUnused();
  }

  /** Whom its failure does not concern asks again, and gets it perhaps on his own word. */
  #fetchOver(version: TaskVersion, failure: Failure | undefined): void {
    const others = this.#askers.fetched(failure, this.#options.clock.nowMs());
    if (failure === undefined) return;
    version.failed(failure.error, new Set(others.map(({ host }) => host)));
    if (!this.#abort.signal.aborted) for (const request of others) void this.join(request);
  }
}
