/**
 * What dfget says: errors always, on standard error; besides, a progress line on a terminal, a line
 * for each finished object, or one JSON event a line.
 */

import { asDarnerError, errorToWire, formatBytes, formatDuration, formatRate, type DarnerError } from "#base/mod.ts";
import type { BytesBySource, DownloadEvent } from "#core/protocol/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Terminal } from "#platform/machine/terminal.ts";
import { progressLine, sourcesText, totalBytes } from "./progress-line.ts";
import { RateMeter } from "./rate-meter.ts";

export interface ReporterOptions {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly explain: boolean;
  /** An object goes to the standard output, so events go to standard error. */
  readonly outputIsStandard: boolean;
  /** How many objects are wanted. */
  readonly wanted: number;
}

const noBytes: BytesBySource = { origin: 0, peers: 0, local: 0 };
const drawEveryMs = 100;
const clearLine = "\r\u001b[K";

interface Running {
  bytes: BytesBySource;
  lengthBytes: number | undefined;
  readonly startedMs: number;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #running = new Map<string, Running>();
  readonly #meter = new RateMeter();
  readonly #startedMs: number;
  #doneBytes = noBytes;
  #doneCount = 0;
  #failedCount = 0;
  #drawn = false;
  #drawnMs = -Infinity;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#startedMs = options.clock.nowMs();
  }

  /** Whether anybody sees how far a download is before it is done. */
  get showsProgress(): boolean {
    const { json, quiet, terminal } = this.#options;
    return json || (!quiet && terminal.columns() !== undefined);
  }

  /** One step of the way (`--explain`). */
  explain(text: string): void {
    if (this.#options.json) this.#event({ event: "way", text });
    else if (this.#options.explain) this.#line(`dfget: ${text}`);
  }

  /** What the user should know though it went well. */
  notice(text: string): void {
    if (this.#options.json) this.#event({ event: "way", text });
    else if (!this.#options.quiet) this.#line(`dfget: ${text}`);
  }

  failure(error: unknown, output?: string): void {
    const known = asDarnerError(error);
    if (output !== undefined) this.#running.delete(output);
    this.#failedCount++;
    if (this.#options.json)
      this.#event({ event: "failed", ...(output === undefined ? {} : { output }), error: errorToWire(known) });
    if (known.facts["readerGone"] === true) return;
    this.#line(`dfget: ${oneLine(known)}`);
  }

  tell(output: string, event: DownloadEvent): void {
    if (event.event === "way") return event.aloud === true ? this.notice(event.text) : this.explain(event.text);
    const running = this.#runningOf(output);
    if (event.event === "started" || event.event === "progress") {
      if (event.lengthBytes !== undefined) running.lengthBytes = event.lengthBytes;
      if (event.event === "progress") running.bytes = event.bytes;
    }
    if (this.#options.json) this.#event({ ...event, output });
    else if (event.event === "retry" && !this.#options.quiet) {
      this.#line(`dfget: ${withoutNextStep(event.error.message)}; trying again in ${formatDuration(event.delayMs)}`);
    }
    this.#draw();
  }

  /** The object is whole, proved and has its final name. */
  done(
    output: string,
    facts: { readonly lengthBytes: number; readonly digests: readonly string[]; readonly bytes?: BytesBySource },
  ): void {
    const running = this.#runningOf(output);
    const bytes = facts.bytes ?? running.bytes;
    this.#running.delete(output);
    this.#doneCount++;
    this.#doneBytes = added(this.#doneBytes, bytes);
    const { lengthBytes, digests } = facts;
    if (this.#options.json) return this.#event({ event: "done", output, lengthBytes, digests, bytes });
    if (this.#options.quiet) return;
    const tookMs = this.#options.clock.nowMs() - running.startedMs;
    const from = sourcesText(bytes);
    this.#line(
      `${nameOf(output)}: ${formatBytes(lengthBytes)} in ${formatDuration(tookMs)}${rateText(lengthBytes - bytes.local, tookMs)}${from === "" ? "" : `, ${from}`}`,
    );
  }

  /** The output was there before, and is whole. */
  present(output: string, lengthBytes: number, digests: readonly string[]): void {
    if (this.#options.json)
      return this.done(output, { lengthBytes, digests, bytes: { ...noBytes, local: lengthBytes } });
    this.#running.delete(output);
    this.#doneCount++;
    this.#doneBytes = added(this.#doneBytes, { ...noBytes, local: lengthBytes });
    this.notice(`${output} is complete already (${formatBytes(lengthBytes)})`);
  }

  /** Clears the progress line; for several objects, says how many came. */
  finish(): void {
    this.#clear();
    const { wanted, quiet, json, clock } = this.#options;
    if (wanted < 2 || quiet) return;
    const tookMs = clock.nowMs() - this.#startedMs;
    if (json)
      return this.#event({
        event: "summary",
        wanted,
        done: this.#doneCount,
        failed: this.#failedCount,
        bytes: this.#doneBytes,
      });
    const come = totalBytes(this.#doneBytes);
    const from = sourcesText(this.#doneBytes);
    this.#line(
      `${this.#doneCount} of ${wanted} objects: ${formatBytes(come)} in ${formatDuration(tookMs)}${rateText(come, tookMs)}${from === "" ? "" : `, ${from}`}`,
    );
  }

  #runningOf(output: string): Running {
    const found = this.#running.get(output);
    if (found !== undefined) return found;
    const made: Running = { bytes: noBytes, lengthBytes: undefined, startedMs: this.#options.clock.nowMs() };
    this.#running.set(output, made);
    return made;
  }

  #event(event: object): void {
    const line = `${JSON.stringify(event)}\n`;
    if (this.#options.outputIsStandard) this.#options.terminal.error(line);
    else this.#options.terminal.output(line);
  }

  #line(text: string): void {
    this.#clear();
    this.#options.terminal.error(`${text}\n`);
  }

  #clear(): void {
    if (this.#drawn) this.#options.terminal.error(clearLine);
    this.#drawn = false;
    this.#drawnMs = -Infinity;
  }

  #draw(): void {
    const { terminal, clock, quiet, json, wanted } = this.#options;
    const columns = terminal.columns();
    const nowMs = clock.nowMs();
    if (columns === undefined || quiet || json || nowMs - this.#drawnMs < drawEveryMs) return;
    this.#drawnMs = nowMs;
    const all = [...this.#running.values()];
    const bytes = all.reduce((sum, running) => added(sum, running.bytes), this.#doneBytes);
    const lengths = all.map((running) => running.lengthBytes);
    const known = wanted === 1 && lengths[0] !== undefined ? lengths[0] : undefined;
    this.#meter.note(bytes.origin + bytes.peers, nowMs);
    const only = [...this.#running.keys()][0];
    const line = progressLine({
      name: wanted === 1 && only !== undefined ? nameOf(only) : `${this.#doneCount} of ${wanted} objects`,
      bytes,
      lengthBytes: known,
      bytesPerSecond: this.#meter.bytesPerSecond,
      remainingMs: known === undefined ? undefined : this.#meter.remainingMs(Math.max(0, known - totalBytes(bytes))),
      columns,
    });
    // One write: the old line is overdrawn, not cleared first, so that nothing flickers.
    terminal.error(`\r${line}\u001b[K`);
    this.#drawn = true;
  }
}

function added(a: BytesBySource, b: BytesBySource): BytesBySource {
  return { origin: a.origin + b.origin, peers: a.peers + b.peers, local: a.local + b.local };
}

function rateText(bytes: number, tookMs: number): string {
  return bytes <= 0 || tookMs < 1 ? "" : ` (${formatRate((bytes * 1000) / tookMs)})`;
}

function nameOf(output: string): string {
  return output === "-" ? "standard output" : output.slice(output.lastIndexOf("/") + 1);
}

/** A message ends with what its reader might do. */
function withoutNextStep(message: string): string {
  const end = message.lastIndexOf("; ");
  return end < 0 ? message : message.slice(0, end);
}

function oneLine(error: DarnerError): string {
  return error.message.replace(/\s*[\r\n]+\s*/g, " ");
}
