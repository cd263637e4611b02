/**
 * dfget from its settings to its exit status: everything checkable is checked before anything is
 * opened, then the objects come, several at a time where a list names them.
 */

import { asDarnerError, DarnerError, formatDuration } from "#base/mod.ts";
import type { dfgetSettings, ValuesOf } from "#settings/mod.ts";
import type { AloneParts } from "./alone.ts";
import { parseRange } from "./byte-range.ts";
import type { ClusterFacts } from "./daemon-instance.ts";
import { download, type DownloadParts } from "./download.ts";
import { parseList, type ListLine } from "./list-lines.ts";
import type { DfgetPorts } from "./ports.ts";
import type { SmallWay } from "./small-way.ts";
import { Reporter } from "./reporter.ts";
import { parseHeaders } from "./request-headers.ts";
import { assertDistinctOutputs, wantedFrom, type Wanted } from "./wanted.ts";
import { openWay } from "./way.ts";

export type DfgetSettings = ValuesOf<(typeof dfgetSettings)["settings"]>;

export interface DfgetCall extends ClusterFacts {
  readonly settings: DfgetSettings;
  readonly urls: readonly string[];
}

/** Downloads of a list that run at once. */
const parallelMax = 32;
/** Batches of small objects that are asked for at once. */
const smallAskers = 4;
const listBytesMax = 64 * 1024 * 1024;
const textBytesMax = 1024 * 1024;
/** The daemon tells its progress many times a second; this is for one that was stopped or hangs. */
const silenceMsMin = 60_000;
/** Where nobody sees the progress, a sign of life is enough. */
const progressEveryMs = { shown: 200, unseen: 2000 } as const;

/** Resolves to the exit status: 0, or that of the first failure. Says everything itself. */
export async function runDfget(ports: DfgetPorts, call: DfgetCall): Promise<number> {
  const { settings } = call;
  const { quiet, json, explain } = settings;
  const ends = new Ends(ports, settings.timeoutMs);
  let reporter = new Reporter({ ...ports, quiet, json, explain, outputIsStandard: settings.output === "-", wanted: 1 });
  try {
    const wanted = await readWanted(ports, call);
    const outputIsStandard = wanted.some(({ output }) => output === "-");
    reporter = new Reporter({ ...ports, quiet, json, explain, outputIsStandard, wanted: wanted.length });
    if (settings.directoryPrefix !== undefined) await ports.outputs.makeDirectory(settings.directoryPrefix);
    const way = await openWay(ports, settings, call, reporter, ends.signal);
    const sources = new Sources(
      ports,
      settings,
      reporter,
      ends.signal,
      way.kind === "daemon" ? way.socketPath : undefined,
    );
    try {
      const parts = sources.downloadParts();
      const small = wanted.length > 1 ? await sources.smallWay() : undefined;
      if (small !== undefined) return await downloadList(parts, wanted, small);
      return await downloadAll(parts, wanted, settings.inputFile === undefined ? 1 : parallelMax);
    } finally {
      sources.close();
    }
  } catch (error) {
    reporter.failure(error);
    return asDarnerError(error).exitStatus;
  } finally {
    reporter.finish();
    ends.close();
  }
}

/** What ends the whole command before its time: a signal, or `--timeout`. */
class Ends {
  readonly signal: AbortSignal;
  readonly #timer: { cancel(): void } | undefined;

  constructor(ports: DfgetPorts, timeoutMs: number) {
    const deadline = new AbortController();
    if (timeoutMs !== Infinity) {
      this.#timer = ports.clock.after(timeoutMs, () => {
        const says = `it took longer than ${formatDuration(timeoutMs)} (--timeout); what came is kept for the next run`;
        deadline.abort(new DarnerError("deadline", `stopped downloading: ${says}`));
      });
    }
    this.signal = AbortSignal.any([ports.signal, deadline.signal]);
  }

  close(): void {
    this.#timer?.cancel();
  }
}

/** Throws `usage` and what is wrong with a URL, a digest or a header. */
async function readWanted(ports: DfgetPorts, { settings, urls }: DfgetCall): Promise<Wanted[]> {
  const { inputFile } = settings;
  const lines: ListLine[] = urls.map((url) => ({ url }));
  if (inputFile !== undefined) {
    const text = await ports.outputs.readText(inputFile, listBytesMax);
    lines.push(...parseList(text, inputFile === "-" ? "the standard input" : inputFile));
  }
  if (lines.length === 0 && inputFile === undefined) {
    throw new DarnerError("usage", "cannot download: no URL was given; see dfget --help");
  }
  if (lines.length > 1) assertForSeveral(settings);
  const common = {
    output: settings.output,
    directory: settings.directoryPrefix,
    headers: parseHeaders(await headerLines(ports, settings.header)),
    netrc: settings.netrc ? await readNetrc(ports) : undefined,
    digest: settings.digest,
    range: settings.range === undefined ? undefined : parseRange(settings.range),
    filterQuery: settings.filterQuery,
    tag: settings.tag ?? "",
    sensitive: settings.sensitive,
  };
  const wanted = lines.map((line) => {
    try {
      return wantedFrom(line, common);
    } catch (error) {
      const { code, message } = asDarnerError(error);
      throw line.place === undefined ? error : new DarnerError(code, `${line.place}: ${message}`, { cause: error });
    }
  });
  assertDistinctOutputs(wanted);
  return wanted;
}

function assertForSeveral({ output, digest }: DfgetSettings): void {
  const flag = output !== undefined ? "-O" : digest !== undefined ? "--digest" : undefined;
  if (flag === undefined) return;
  const next = "give one URL, or -i FILE with lines of URL<TAB>OUTPUT<TAB>DIGEST";
  throw new DarnerError("usage", `cannot use ${flag} for several objects: it names one; ${next}`);
}

async function headerLines(ports: DfgetPorts, given: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const text of given) {
    if (text.startsWith("@")) lines.push(...(await ports.outputs.readText(text.slice(1), textBytesMax)).split(/\r?\n/));
    else lines.push(text);
  }
  return lines;
}

async function readNetrc(ports: DfgetPorts): Promise<string> {
  if (ports.netrcPath !== undefined) return await ports.outputs.readText(ports.netrcPath, textBytesMax);
  throw new DarnerError("usage", "cannot read ~/.netrc: this user has no home; name the file with NETRC");
}

/** Starts the next as one ends; once the command is to end, starts no more. */
async function downloadAll(parts: DownloadParts, wanted: readonly Wanted[], atOnce: number): Promise<number> {
  let status = 0;
  await inParallel(wanted, atOnce, async (item) => {
    if (parts.signal.aborted && status !== 0) return;
    try {
      await download(parts, item);
    } catch (error) {
      parts.reporter.failure(error, item.output);
      if (status === 0) status = asDarnerError(error).exitStatus;
    }
  });
  return status;
}

/** Batch by batch the short way; what is left of each the ordinary way, before its asker takes the next. */
async function downloadList(parts: DownloadParts, wanted: readonly Wanted[], small: SmallWay): Promise<number> {
  let status = 0;
  let next = 0;
  await inParallel(Array.from({ length: smallAskers }), smallAskers, async () => {
    while (next < wanted.length && !(parts.signal.aborted && status !== 0)) {
      const batch = wanted.slice(next, next + small.asksMax);
      next += batch.length;
      const ended = await downloadAll(parts, await small.get(batch), parallelMax / smallAskers);
      if (status === 0) status = ended;
    }
  });
  return status;
}

async function inParallel<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

/** Opens what a download needs when one first needs it. */
class Sources {
  readonly #ports: DfgetPorts;
  readonly #settings: DfgetSettings;
  readonly #reporter: Reporter;
  readonly #signal: AbortSignal;
  readonly #socketPath: string | undefined;
  #common: Promise<Omit<AloneParts, "tell"> & { close(): void }> | undefined;

  constructor(
    ports: DfgetPorts,
    settings: DfgetSettings,
    reporter: Reporter,
    signal: AbortSignal,
    socketPath: string | undefined,
  ) {
    this.#ports = ports;
    this.#settings = settings;
    this.#reporter = reporter;
    this.#signal = signal;
    this.#socketPath = socketPath;
  }

  downloadParts(): DownloadParts {
    const { noClobber, resume, noBackToSource, mode, readTimeoutMs, limitRateBytesPerSecond } = this.#settings;
    const reporter = this.#reporter;
    const backToSource = !noBackToSource;
    return {
      ports: this.#ports,
      reporter,
      noClobber,
      resume,
      backToSource,
      signal: this.#signal,
      alone: async ({ output }) => ({
        ...(await (this.#common ??= this.#open())),
        tell: (event) => reporter.tell(output, event),
      }),
      daemon: ({ output }) =>
        this.#socketPath === undefined
          ? undefined
          : {
              ...this.#ports,
              socketPath: this.#socketPath,
              mode,
              backToSource,
              rateBytesPerSecond: limitRateBytesPerSecond,
              triesMax: triesOf(this.#settings),
              progressEveryMs: reporter.showsProgress ? progressEveryMs.shown : progressEveryMs.unseen,
              silenceMsMax: Math.max(silenceMsMin, readTimeoutMs),
              signal: this.#signal,
              tell: (event) => reporter.tell(output, event),
            },
    };
  }

  /** Undefined where every object has to go the ordinary way. */
  async smallWay(): Promise<SmallWay | undefined> {
    const { inputFile, mode, limitRateBytesPerSecond, readTimeoutMs } = this.#settings;
    const socketPath = this.#socketPath;
    if (socketPath === undefined || inputFile === undefined) return undefined;
    if (mode === "source" || limitRateBytesPerSecond !== Infinity) return undefined;
    const { SmallWay } = await import("./small-way.ts");
    const silenceMsMax = Math.max(silenceMsMin, readTimeoutMs);
    return new SmallWay({
      ports: this.#ports,
      reporter: this.#reporter,
      socketPath,
      silenceMsMax,
      signal: this.#signal,
    });
  }

  close(): void {
    void this.#common?.then((common) => common.close()).catch(() => undefined);
  }

  async #open(): Promise<Omit<AloneParts, "tell"> & { close(): void }> {
    const { clock, random, outputs } = this.#ports;
    const { caCertificate, readTimeoutMs, connections, limitRateBytesPerSecond } = this.#settings;
    const caCertificates = caCertificate === undefined ? [] : [await outputs.readText(caCertificate, textBytesMax)];
    const { Limiter } = await import("#transfer/mod.ts");
    const { origin, close } = await this.#ports.openOrigin({ caCertificates, waitMsMax: readTimeoutMs });
    const limiter = new Limiter(clock, limitRateBytesPerSecond);
    // Who waits for the rate must see that the command ends.
    this.#signal.addEventListener("abort", () => limiter.close());
    return {
      origin,
      clock,
      random,
      limiter,
      boot: this.#ports.boot(),
      connectionsMax: connections,
      triesMax: triesOf(this.#settings),
      progressEveryMs: this.#reporter.showsProgress ? progressEveryMs.shown : progressEveryMs.unseen,
      signal: this.#signal,
      close: () => {
        limiter.close();
        close();
      },
    };
  }
}

/** wget's 0 means without end. */
const triesOf = ({ tries }: DfgetSettings): number => (tries === 0 ? Infinity : tries);
