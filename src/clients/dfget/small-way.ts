/**
 * The short way for lists of small objects: the daemon is asked for many at once and answers with the
 * bytes, which dfget proves and writes itself. Whatever does not fit (a longer object, an output that is
 * there or was begun, a failure) is left for the ordinary way.
 */

import { DarnerError } from "#base/mod.ts";
import { digestToText, type Digest } from "#core/model/mod.ts";
import { smallAsksMax, type SmallAnswer, type SmallAsks, type TaskAsk } from "#core/protocol/mod.ts";
import { streamingDigest } from "#platform/keys/digest.ts";
import { modifiedMs } from "./download.ts";
import { partialPaths } from "./output-name.ts";
import type { DfgetPorts } from "./ports.ts";
import type { Reporter } from "./reporter.ts";
import type { Wanted } from "./wanted.ts";

/** A list whose objects are not small is asked for a few at a time, as the ordinary way takes them. */
const asksAfterLong = 8;

export interface SmallWayParts {
  readonly ports: DfgetPorts;
  readonly reporter: Reporter;
  readonly socketPath: string;
  readonly silenceMsMax: number;
  readonly signal: AbortSignal;
}

export class SmallWay {
  readonly #parts: SmallWayParts;
  #asksMax = asksAfterLong;
  #works = true;

  constructor(parts: SmallWayParts) {
    this.#parts = parts;
  }

  /** How many to give it next. */
  get asksMax(): number {
    return this.#works ? this.#asksMax : 1;
  }

  /** Gets what is small, and returns the others. Throws what concerns the whole command only. */
  async get(wanted: readonly Wanted[]): Promise<readonly Wanted[]> {
    if (!this.#works || wanted.length < 2) return wanted;
    const left = new Set(wanted);
    const fitting: Wanted[] = [];
    for (const item of wanted) if (await this.#fits(item)) fitting.push(item);
    try {
      await this.#ask(fitting, left);
      this.#asksMax = left.size > 0 ? asksAfterLong : smallAsksMax;
    } catch {
      this.#parts.signal.throwIfAborted();
      // A daemon that is gone, or of an older version: the ordinary way tells.
      this.#works = false;
    }
    return [...left];
  }

  async #fits(wanted: Wanted): Promise<boolean> {
    if (wanted.range !== undefined || wanted.sensitive || Object.keys(wanted.headers).length > 0) return false;
    const found = await this.#parts.ports.outputs.look(wanted.output).catch(() => undefined);
    return wanted.output !== "-" && found?.kind === "missing";
  }

  async #ask(wanted: readonly Wanted[], left: Set<Wanted>): Promise<void> {
    if (wanted.length === 0) return;
    const { ports, socketPath, silenceMsMax, signal } = this.#parts;
    const asks: SmallAsks = { asks: wanted.map(askOf) };
    const reply = await ports.localHttp.post(socketPath, "/v1/small", asks, signal);
    let timer = ports.clock.after(silenceMsMax, () => reply.close());
    try {
      for await (const line of reply.lines()) {
        timer.cancel();
        timer = ports.clock.after(silenceMsMax, () => reply.close());
        const answer = line as SmallAnswer;
        const item = wanted[answer.index];
        if (item === undefined) throw new DarnerError("cluster.protocol", "the daemon answers what was not asked");
        if (answer.bytes !== undefined && this.#write(item, answer, Buffer.from(answer.bytes, "base64")))
          left.delete(item);
      }
    } finally {
      timer.cancel();
      reply.close();
    }
  }

  /** False when it has to go the ordinary way. */
  #write(wanted: Wanted, { digests = [], lastModified }: SmallAnswer, bytes: Uint8Array): boolean {
    const { ports, reporter } = this.#parts;
    const { output, digest, name } = wanted;
    const lengthBytes = bytes.length;
    if (digest !== undefined && !isOf(digest, bytes)) return false;
    if (!ports.outputs.writeWhole(partialPaths(output).part, output, bytes, modifiedMs(lastModified))) return false;
    reporter.tell(output, { event: "started", id: "", url: name, lengthBytes });
    reporter.tell(output, { event: "way", text: "small: the daemon sent it with its answer" });
    reporter.done(output, { lengthBytes, digests, bytes: { origin: 0, peers: lengthBytes, local: 0 } });
    return true;
  }
}

function askOf({ url, headers, filterQuery, tag, digest }: Wanted): TaskAsk {
  const isName = digest !== undefined && digest.algorithm !== "md5";
  return { url, headers, filterQuery, tag, ...(isName ? { digest: digestToText(digest) } : {}) };
}

function isOf({ algorithm, hex }: Digest, bytes: Uint8Array): boolean {
  const running = streamingDigest(algorithm);
  running.update(bytes);
  return running.hex() === hex;
}
