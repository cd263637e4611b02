/**
 * What a manager finds when it is asked for an object that it knows nothing of: another manager that has
 * it, or hosts that got pieces of it from a manager that is gone, and the manifest as they were told it;
 * and the origin's word that it is still the object's present version.
 *
 * Invariants:
 *  1. A host's word is believed as far as a manager of this cluster has signed it (with --trust off: as
 *     it is), and the generation's name follows from what it says.
 *  2. Nothing is taken over that the origin does not confirm: it is asked on condition, for no body.
 */

import { asDarnerError, Bitfield, type DarnerError } from "#base/mod.ts";
import { judge, refresh, strongValidator, type ResponseFacts } from "#core/freshness/mod.ts";
import { clearLengthOf, pieceCount } from "#core/model/mod.ts";
import type { ManifestHead, RecalledManifest, TaskAsk } from "#core/protocol/mod.ts";
import type { Caller } from "#core/reach/mod.ts";
import type { Origin } from "#origins/mod.ts";
import { sleep, type Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Random } from "#platform/machine/random.ts";
import { keyId } from "#platform/keys/signing.ts";
import type { ObjectRecord } from "#storage/pieces/mod.ts";
import {
  concealFacts,
  concealUrl,
  Manifest,
  nameGeneration,
  Sealing,
  type BodyAnswer,
  type SealEpochs,
} from "#transfer/mod.ts";
import type { Borrowed } from "./borrowing.ts";
import { isGuarded, type VersionHost } from "../hosts/mod.ts";

/** Hosts that lost their manager come within this time of each other. */
const gatherMs = 200;
/** So many are asked for the manifest, side by side: those with the most pieces. */
const recallsMax = 3;
const announcedMax = 20_000;
const confirmTimeoutMs = 10_000;

export interface Announced {
  readonly host: VersionHost;
  readonly generation: string;
  readonly pieces: string;
}

/** An object that a swarm still has, and that this manager may list and seed. */
export interface TakenOver {
  readonly head: ManifestHead;
  readonly facts: ResponseFacts;
  readonly manifest: Manifest;
  /** Those that the manifest lists, or will. */
  readonly listed: Bitfield;
  /** The manager that is alive and has it; absent: what is known comes from its hosts. */
  readonly lender?: Borrowed;
  /** Of a sealed one, from whoever has it. */
  readonly sealSecret?: string | undefined;
}

type Recalled = Omit<TakenOver, "facts">;

export interface TakeoverOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly origin: Origin;
  readonly task: string;
  readonly trust: boolean;
  readonly epochs?: SealEpochs | undefined;
  /** Whether a manager of this cluster has, or had, this id. */
  readonly isManager: (id: string) => boolean;
  /** Asks the managers that may have it. */
  readonly borrow: (ask: TaskAsk) => Promise<Borrowed | undefined>;
}

export class Takeover {
  readonly #options: TakeoverOptions;
  readonly #announced = new Map<VersionHost, Announced>();

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  /** A host comes with pieces of a generation. */
  announce(announced: Announced): void {
    if (this.#announced.size < announcedMax) this.#announced.set(announced.host, announced);
  }

  /** The host has left; absent: what they announced is of no use any more. */
  forget(host?: VersionHost): void {
    if (host === undefined) this.#announced.clear();
    else this.#announced.delete(host);
  }

  /** Undefined when nobody has it. An answer with a body is another version. */
  async find(ask: TaskAsk, caller: Caller, signal: AbortSignal): Promise<TakenOver | BodyAnswer | undefined> {
    const [lender, recalled] = await Promise.all([this.#options.borrow(ask), this.#fromHosts(signal)]);
    const found =
      lender === undefined
        ? recalled
        : {
            head: lender.head,
            manifest: lender.manifest,
            listed: lender.pieces,
            lender,
            sealSecret: lender.sealSecret,
          };
    if (found === undefined) return undefined;
    try {
      const confirmed = await this.#confirm(found, ask, caller, signal);
      if (confirmed === undefined || !("head" in confirmed)) lender?.leave();
      return confirmed;
    } catch (error) {
      lender?.leave();
      throw error;
    }
  }

  /** Nobody is waited for when no host has announced pieces. */
  async #fromHosts(signal: AbortSignal): Promise<Recalled | undefined> {
    if (this.#announced.size === 0) return undefined;
    await sleep(this.#options.clock, gatherMs, signal);
    const recalled = await this.#recall();
    this.#announced.clear();
    return recalled;
  }

  /** The longest manifest that is good, of the generation that most hosts speak of. */
  async #recall(): Promise<Recalled | undefined> {
    const { task, log } = this.#options;
    const byGeneration = Map.groupBy(this.#announced.values(), ({ generation }) => generation);
    const most = [...byGeneration.entries()].sort(([, one], [, other]) => other.length - one.length)[0];
    if (most === undefined) return undefined;
    const [generation, announced] = most;
    const fullest = announced.sort((one, other) => piecesIn(other.pieces) - piecesIn(one.pieces)).slice(0, recallsMax);
    const told = await Promise.all(fullest.map(({ host }) => host.recall(task, generation)));
    let longest: RecalledManifest | undefined;
    for (const recalled of told) {
      const refusal = recalled === undefined ? "a host has none" : this.#refusal(recalled, generation);
      if (refusal !== undefined) log.info("takeover.manifest-not-used", { task, reason: refusal });
      else if (recalled!.indices.length > (longest?.indices.length ?? 0)) longest = recalled;
    }
    if (longest === undefined) return undefined;
    const { head, managerKey, indices, sealSecret } = longest;
    const manifest = new Manifest(head, this.#options.trust ? managerKey : undefined);
    const pieces = pieceCount(head.lengthBytes!, head.pieceBytes);
    const listed = new Bitfield(pieces);
    for (const index of indices) if (index < pieces) listed.set(index);
    return manifest.list({ ...longest, from: 0 }) === null ? { head, manifest, listed, sealSecret } : undefined;
  }

  /** Why a host's manifest does not count. */
  #refusal({ head, managerKey, ...lines }: RecalledManifest, generation: string): string | undefined {
    const { task, trust, isManager, random, epochs } = this.#options;
    const { validator, lengthBytes, pieceBytes, seal } = head;
    if (seal !== undefined && !new Sealing(task, { epochs }).take(lines.sealSecret, seal)) return "nobody has its key";
    if (validator === undefined || lengthBytes === undefined) return "its version has no strong validator or length";
    const named = nameGeneration({ task, validator, lengthBytes, pieceBytes, sealKeyId: seal?.keyId }, random);
    if (head.task !== task || head.generation !== generation || named !== generation) return "it is of another version";
    if (!trust) return undefined;
    if (managerKey === undefined || !isManager(keyId(managerKey))) return "no manager of this cluster signed it";
    return new Manifest(head, managerKey).list({ ...lines, from: 0 }) ?? undefined;
  }

  async #confirm(
    recalled: Recalled,
    ask: TaskAsk,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<TakenOver | BodyAnswer | undefined> {
    const { origin, log, task } = this.#options;
    const { head } = recalled;
    const stored = factsTold(head);
    const { etag, "last-modified": lastModified } = stored.headers;
    const unless = { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(confirmTimeoutMs)]);
    try {
      const answer = await origin.open({ url: ask.url, headers: ask.headers, unless, caller }, bounded);
      if (answer.kind === "not-modified") {
        const fresher = refresh({ facts: stored, judgement: judge(stored, ask.headers) }, answer.facts, ask.headers);
        return fresher === undefined ? undefined : { ...recalled, facts: fresher.facts };
      }
      if (strongValidator(answer.facts) !== head.validator || answer.lengthBytes !== clearLengthOf(head)) return answer;
      answer.body.close();
      return { ...recalled, facts: answer.facts };
    } catch (error) {
      if (!mayGoUnconfirmed(ask, asDarnerError(error))) throw error;
      log.warn("takeover.not-confirmed", { task, message: asDarnerError(error).message });
      return { ...recalled, facts: stored };
    }
  }
}

/** What the manager that takes it over writes down of it. */
export function recordOfTaken({ head, facts }: TakenOver, ask: TaskAsk): ObjectRecord {
  const { generation, pieceBytes, lengthBytes, validator, seal } = head;
  return {
    kind: "object",
    url: concealUrl(ask.url),
    generation,
    pieceBytes,
    ...(lengthBytes === undefined ? {} : { lengthBytes }),
    ...(validator === undefined ? {} : { validator }),
    ...(seal === undefined ? {} : { seal }),
    notes: { facts: concealFacts(facts), ...(isGuarded(ask) ? { guarded: true } : {}) },
  };
}

/**
 * The origin is away: what the swarm holds serves those who got it already, as a running transfer does.
 * Where rights are asked apart from the task's name, nobody gets anything on a guess.
 */
function mayGoUnconfirmed(ask: TaskAsk, error: DarnerError): boolean {
  return error.retry !== "never" && ask.digest === undefined;
}

/** The origin's answer as the manifest's head passes it on. It has no time: nothing in it is fresh. */
function factsTold(head: ManifestHead): ResponseFacts {
  const { url, validator, contentType, lastModified } = head;
  const lengthBytes = clearLengthOf(head);
  const headers: Record<string, string> = { "accept-ranges": "bytes" };
  if (contentType !== undefined) headers["content-type"] = contentType;
  if (lastModified !== undefined) headers["last-modified"] = lastModified;
  if (lengthBytes !== undefined) headers["content-length"] = String(lengthBytes);
  if (validator?.startsWith('"') === true) headers["etag"] = validator;
  return { status: 200, url, headers, requestedAtMs: 0, answeredAtMs: 0 };
}

function piecesIn(text: string): number {
  const bytes = Buffer.from(text, "base64");
  return Bitfield.fromBytes(bytes, bytes.length * 8).count;
}
