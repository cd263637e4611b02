/**
 * Gets one object from its origin into a piece file: the only place that spends origin bytes.
 *
 * One plain GET comes first. When the answer shows Range support and a strong validator, and so much
 * is left that the bytes lost at a cut do not matter, more connections take runs of their own.
 *
 * Invariants:
 *  1. No byte is asked for twice while its first request is alive (see core/download/segments).
 *  2. Pieces of two versions never mix: every later answer must carry the first one's validator and
 *     length; without a strong validator a repeated piece must hash as before.
 *  3. One new version is followed, a second one is `origin.changed`.
 */

import { asDarnerError, assert, bytesEqual, DarnerError, following, type Bitfield, type Following } from "#base/mod.ts";
import { Segments, type Segment } from "#core/download/mod.ts";
import { strongValidator, toldDigests, versionsDiffer, type ResponseFacts } from "#core/freshness/mod.ts";
import { digestToText, pieceCount, type Digest } from "#core/model/mod.ts";
import { sleep } from "#platform/machine/clock.ts";
import { sha256 } from "#platform/keys/digest.ts";
import type { Flow } from "#platform/http-client/client.ts";
import type { EndRecord, ObjectRecord } from "#storage/pieces/mod.ts";
import { mayGoOn, recordOf, storedLength } from "./fetched-object.ts";
import { expectBody, shown, windowLength, type BodyAnswer } from "./origin-answer.ts";
import type { OriginFetchOptions } from "./origin-fetch-options.ts";
import { asFailure, changedTwice, pauseMs } from "./origin-retry.ts";
import { PieceReader, type ReadPiece } from "./piece-reader.ts";
import { assertDigests, Prover } from "../manifest/mod.ts";
import { notSealed } from "../rights/mod.ts";

/** An origin that asks for a longer pause than this is given up, with its own words. */
const retryWaitMsMax = 60_000;
const roundsMax = 3;
/** Shorter steps would keep a limit more exactly, but on a busy machine each waits for its turn. */
const stepBytesMin = 64 * 1024;

/** The object is not what it was when this transfer began. */
class ChangedMidway extends Error {}

export class OriginFetch {
  readonly #options: OriginFetchOptions;
  #expected: readonly Digest[];
  #segments: Segments | undefined;
  #prover: Prover | undefined;
  #lengthBytes: number | undefined;
  #rangesWork = false;
  #failuresInRow = 0;
  /** The workers of this version, in the order they began; they never reject. */
  #workers: Promise<void>[] = [];
  #failure: Error | undefined;
  /** Ends what this version's fetch waits for. */
  #stop: Following | undefined;
  /** The byte that somebody waits for. */
  #soughtByte = 0;
  #seeksLeft = 0;

  constructor(options: OriginFetchOptions) {
    this.#options = options;
    this.#expected = options.expected;
  }

  /** Resolves when the object is whole and proved. Rejects with a DarnerError; what is stored stays. */
  async run(): Promise<EndRecord> {
    for (let version = 0; ; version++) {
      this.#stop = following(this.#options.signal);
      try {
        return await this.#fetchVersion(version === 0);
      } catch (error) {
        if (!(error instanceof ChangedMidway)) throw asFailure(error, this.#options.signal, this.#options.url);
        if (version === 1) throw changedTwice(this.#options.url);
      } finally {
        this.#stop.release();
      }
    }
  }

  /**
   * Somebody waits for the byte at `position`: where the origin gives ranges and no connection is
   * about to come there, what lies there is fetched next.
   */
  seek(position: number): void {
    this.#soughtByte = position;
    if (this.#segments === undefined || this.#seeksLeft === 0 || !this.#seekSought(this.#segments)) return;
    this.#seeksLeft--;
    this.#addWorker();
  }

  #seekSought(segments: Segments): boolean {
    const { store } = this.#options;
    const pieceBytes = this.#pieceBytes;
    const index = store.have.firstClear(Math.floor(this.#soughtByte / pieceBytes));
    return this.#rangesWork && segments.seek(index, Math.ceil(this.#nearBytes / pieceBytes));
  }

  /** A connection that is so close before what is sought gets there soon enough. */
  get #nearBytes(): number {
    return this.#options.splitBytesMin / 8;
  }

  async #fetchVersion(mayResume: boolean): Promise<EndRecord> {
    const { store, opened, beside } = this.#options;
    this.#segments = undefined;
    this.#failure = undefined;
    const aided = mayResume ? beside : undefined;
    if (mayResume && opened === undefined && (aided !== undefined || mayGoOn(this.#options))) {
      this.#rangesWork = true;
      this.#expected = [...this.#options.expected, ...this.#told(this.#facts())];
      this.#start(store.clearLengthBytes, aided?.pieces);
      if (this.#segments !== undefined) this.#seekSought(this.#segments);
    }
    await this.#workToTheEnd(mayResume ? opened : undefined);
    await aided?.ended;
    // What others did not bring, and what turned out to be spoiled meanwhile. A disk that keeps nothing is given up.
    for (let round = 0; round < roundsMax && !store.have.full; round++) {
      this.#segments = this.#missing();
      await this.#workToTheEnd();
    }
    return await this.#finish();
  }

  async #workToTheEnd(opened?: BodyAnswer): Promise<void> {
    this.#workers = [];
    this.#addWorker(opened);
    // Workers add workers, so the list may grow while it is walked.
    for (let index = 0; index < this.#workers.length; index++) await this.#workers[index];
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What is to be fetched of an object whose length is known, but what others bring. */
  #missing(brought?: Bitfield): Segments {
    const { store, splitBytesMin } = this.#options;
    const held = store.have.clone();
    if (brought !== undefined) for (const index of brought.indices()) held.set(index);
    return new Segments(held, Math.ceil(splitBytesMin / this.#pieceBytes));
  }

  #addWorker(opened?: BodyAnswer): void {
    const work = this.#work(opened).catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : asDarnerError(error);
      this.#stop?.abort();
    });
    this.#workers.push(work);
  }

  get #signal(): AbortSignal {
    return this.#stop?.signal ?? this.#options.signal;
  }

  /** Claims runs until none is left, and tries again after failures that allow it. */
  async #work(opened?: BodyAnswer): Promise<void> {
    let answer = opened;
    while (this.#segments === undefined || !this.#segments.finished) {
      this.#signal.throwIfAborted();
      let segment: Segment | undefined;
      try {
        if (answer !== undefined || this.#segments === undefined || !this.#rangesWork) {
          answer ??= await this.#openWhole();
          segment = await this.#acceptWhole(answer);
          if (this.#rangesWork && segment.next * this.#pieceBytes - answer.start > this.#nearBytes) {
            answer.body.close();
            answer = await this.#openRange(segment);
          }
        } else {
          segment = this.#segments.claim();
          if (segment === undefined) return;
          answer = await this.#openRange(segment);
        }
        this.#addWorkersWhereWorth();
        await this.#consume(answer, segment);
      } catch (error) {
        if (segment !== undefined) this.#segments?.release(segment);
        await this.#recover(error);
      } finally {
        answer?.body.close();
        answer = undefined;
      }
    }
  }

  #addWorkersWhereWorth(): void {
    while (
      this.#rangesWork &&
      this.#workers.length < this.#options.connectionsMax &&
      this.#segments?.claimable === true
    ) {
      // The new worker claims its run before its first wait, so the next look sees what is left.
      this.#addWorker();
    }
  }

  async #openWhole(): Promise<BodyAnswer> {
    const { origin, url, headers, caller, window } = this.#options;
    const range = window === undefined ? {} : { range: window };
    return expectBody(await origin.open({ url, headers, caller, ...range }, this.#signal), url);
  }

  async #openRange(segment: Segment): Promise<BodyAnswer> {
    const { origin, url, headers, caller, window } = this.#options;
    const { validator } = this.#object();
    const pieceBytes = this.#pieceBytes;
    assert(this.#lengthBytes !== undefined, "ranges are asked of objects with a known length");
    const base = window?.start ?? 0;
    const range = {
      start: base + segment.next * pieceBytes,
      end: base + Math.min(segment.end * pieceBytes, this.#lengthBytes),
    };
    const ifRange = validator === undefined ? {} : { ifRange: validator };
    const answer = expectBody(await origin.open({ url, headers, caller, range, ...ifRange }, this.#signal), url);
    this.#assertSameVersion(answer);
    return answer;
  }

  /** The first whole answer begins the object; a later one must be of the same version. */
  async #acceptWhole(answer: BodyAnswer): Promise<Segment> {
    if (this.#segments === undefined) {
      await this.#begin(answer);
      const far = this.#soughtByte > this.#nearBytes && this.#options.window === undefined;
      if (far && this.#segments !== undefined) this.#seekSought(this.#segments);
    } else this.#assertSameVersion(answer);
    // An empty object has no run to claim.
    return this.#segments?.claim() ?? { next: 0, end: 0 };
  }

  async #begin(answer: BodyAnswer): Promise<void> {
    const { store, window } = this.#options;
    const lengthBytes = windowLength(answer.lengthBytes, window);
    this.#expected = [...this.#options.expected, ...this.#told(answer.facts)];
    const object = recordOf(answer, this.#options);
    const rangesOffered = answer.facts.status === 206 || /\bbytes\b/.test(answer.facts.headers["accept-ranges"] ?? "");
    this.#rangesWork = lengthBytes !== undefined && object.validator !== undefined && rangesOffered;
    await this.#options.onObject?.(object, answer.facts);
    await store.begin(object);
    this.#options.onBegun?.();
    this.#start(lengthBytes);
  }

  #start(lengthBytes: number | undefined, brought?: Bitfield): void {
    const { store, proveAlways } = this.#options;
    this.#lengthBytes = lengthBytes;
    this.#segments = lengthBytes === undefined ? Segments.unbounded(store.have) : this.#missing(brought);
    this.#seeksLeft = Math.floor((lengthBytes ?? 0) / (2 * this.#options.splitBytesMin));
    const algorithms = new Set(this.#expected.map((digest) => digest.algorithm));
    if (proveAlways) algorithms.add("sha256");
    this.#prover = new Prover(store, this.#options.sealing ?? notSealed, algorithms);
  }

  /** What the origin says of the whole object's digest counts only for the whole. */
  #told(facts: ResponseFacts): readonly Digest[] {
    return this.#options.window === undefined ? toldDigests(facts, this.#options.url) : [];
  }

  /** The answer that began the object. */
  #facts(): ResponseFacts {
    return this.#object().notes?.["facts"] as ResponseFacts;
  }

  /** Of the object as its origin sends it. */
  get #pieceBytes(): number {
    const { clearPieceBytes } = this.#options.store;
    assert(clearPieceBytes !== undefined, "the object has begun");
    return clearPieceBytes;
  }

  #object(): ObjectRecord {
    const { object } = this.#options.store;
    assert(object !== undefined, "the object has begun");
    return object;
  }

  #assertSameVersion(answer: BodyAnswer): void {
    const length = windowLength(answer.lengthBytes, this.#options.window);
    const sameLength = length === undefined || this.#lengthBytes === undefined || length === this.#lengthBytes;
    const { validator } = this.#object();
    // A 206 may leave validators out, since If-Range was met; a whole answer without the tag may be anything.
    const tagLost =
      answer.facts.status !== 206 && validator?.startsWith('"') && strongValidator(answer.facts) !== validator;
    if (!sameLength || tagLost === true || versionsDiffer(this.#facts(), answer.facts)) {
      answer.body.close();
      throw new ChangedMidway();
    }
  }

  /** Cuts the answer's bytes into pieces until the segment needs no more or the body ends. */
  async #consume(answer: BodyAnswer, segment: Segment): Promise<void> {
    const { window } = this.#options;
    const lengthBytes = this.#lengthBytes;
    const pieceBytes = this.#pieceBytes;
    const pieces = new PieceReader({
      body: answer.body,
      // Negative: the origin ignored the range and sends what lies before the window.
      start: answer.start - (window?.start ?? 0),
      pieceBytes,
      lengthBytes,
      end: () => segment.end,
      flow: this.#flow(),
    });
    // While one piece is written the next one comes; they are told in order.
    let stored = Promise.resolve(true);
    for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) {
      if (!(await stored)) break;
      stored = this.#store(piece, segment);
      const { bytes } = piece;
      stored.then(
        () => pieces.giveBack(bytes),
        () => undefined,
      );
    }
    await stored;
    if (!pieces.ended) {
      // At the object's end the body must end too; behind a window more may follow.
      if (window === undefined && pieces.position === lengthBytes) await pieces.assertEnd();
      return;
    }
    this.#bodyEnded(pieces.position, segment);
  }

  #flow(): Flow {
    const options = this.#options;
    const { limiter } = options;
    const unblocked = async (): Promise<void> => {
      while (limiter.blocked) await limiter.ready();
    };
    return {
      get stepBytesMax() {
        return Math.max(limiter.chunkBytesMax, stepBytesMin);
      },
      passed(count) {
        options.onBytes?.(count);
        limiter.charge(count);
        return limiter.blocked ? unblocked() : undefined;
      },
    };
  }

  /** The body ended at `position` before the run did. */
  #bodyEnded(position: number, segment: Segment): void {
    const pieces = pieceCount(position, this.#pieceBytes);
    if (this.#lengthBytes !== undefined) {
      if (segment.next >= segment.end) return;
      throw new DarnerError(
        "origin.body-short",
        `cannot finish ${shown(this.#options.url)}: the body ended at byte ${position}, it should have ${this.#lengthBytes}`,
        { retry: "now" },
      );
    }
    // Less than an earlier try brought: this is another version.
    if (pieces < segment.next) throw new ChangedMidway();
    this.#lengthBytes = position;
    this.#segments?.settle(pieces);
  }

  /** Stores a piece. False when the segment needs no more. */
  async #store({ index, bytes }: ReadPiece, segment: Segment): Promise<boolean> {
    const { store, sealing = notSealed } = this.#options;
    const stored = sealing.seal(this.#object(), index, bytes);
    const digest = sha256(stored);
    if (index < segment.next) {
      const held = store.digestOf(index);
      if (held !== undefined && !bytesEqual(held, digest)) throw new ChangedMidway();
      return true;
    }
    const vouched = store.vouchedDigestOf(index);
    if (vouched !== undefined && !bytesEqual(vouched, digest)) throw new ChangedMidway();
    await store.put(index, stored, digest);
    this.#failuresInRow = 0;
    this.#prover?.offer(index, bytes);
    this.#options.onPiece?.(index, digest);
    return this.#segments?.advance(segment) ?? false;
  }

  /** Waits as the failure allows, or throws it on. */
  async #recover(error: unknown): Promise<void> {
    const { triesMax, clock, random } = this.#options;
    const signal = this.#signal;
    if (error instanceof ChangedMidway || signal.aborted) throw error;
    const known = asDarnerError(error);
    this.#failuresInRow++;
    if (known.retry === "never" || this.#failuresInRow >= triesMax) throw known;
    const delayMs = pauseMs(this.#failuresInRow, known, random.unit());
    if (delayMs > retryWaitMsMax) throw known;
    this.#options.onRetry?.(known, delayMs);
    await sleep(clock, delayMs, signal);
  }

  async #finish(): Promise<EndRecord> {
    const { store, url } = this.#options;
    assert(this.#lengthBytes !== undefined && this.#prover !== undefined, "a finished object has a length");
    if (!store.have.full) throw new DarnerError("disk.failed", `cannot keep ${shown(url)}: its bytes get lost`);
    const object = this.#object();
    const storedBytes = storedLength(this.#lengthBytes, object);
    const proved = await this.#prover.digests(storedBytes);
    try {
      assertDigests(shown(url), this.#expected, proved);
    } catch (error) {
      // None of it can be trusted: the next run starts from the first byte.
      await store.begin(object);
      throw error;
    }
    return await store.finish(storedBytes, proved.map(digestToText));
  }
}
