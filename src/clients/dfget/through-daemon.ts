/**
 * A download through the host daemon: it gets the output's two open files, or, where open files
 * cannot be handed over and for pipes, sends the verified bytes in order.
 *
 * The daemon tells its progress a line at a time; a daemon that tells nothing for `silenceMsMax` is
 * taken for gone, as one whose connection ends is (`daemon.gone`).
 */

import { DarnerError, errorFromWire } from "#base/mod.ts";
import { digestToText } from "#core/model/mod.ts";
import type { DownloadAsk, DownloadEvent, DownloadMode } from "#core/protocol/mod.ts";
import type { Clock, Timer } from "#platform/machine/clock.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import type { LocalHttp, LocalReply } from "#platform/http-asks/local.ts";
import type { Random } from "#platform/machine/random.ts";
import type { Wanted } from "./wanted.ts";

const settleTimeoutMs = 2000;
/** A daemon that cuts the bytes says within this time why, if it still can. */
const wordMsMax = 2000;

export interface DaemonParts {
  readonly localHttp: LocalHttp;
  readonly clock: Clock;
  readonly random: Random;
  readonly socketPath: string;
  readonly mode: DownloadMode;
  readonly backToSource: boolean;
  readonly rateBytesPerSecond: number;
  readonly triesMax: number;
  /** How often somebody looks at the progress. */
  readonly progressEveryMs: number;
  readonly silenceMsMax: number;
  readonly signal: AbortSignal;
  tell(event: DownloadEvent): void;
}

type DoneEvent = Extract<DownloadEvent, { event: "done" }>;

export interface GotThroughDaemon {
  readonly done: DoneEvent;
  /** Tells the daemon that the output has its final name, so that it may go on serving from it. */
  readonly settle: () => Promise<void>;
}

/** The daemon writes the two files. They are as usable as before when this rejects. */
export async function downloadIntoFiles(
  parts: DaemonParts,
  wanted: Wanted,
  files: { readonly content: DiskFile; readonly journal: DiskFile },
): Promise<GotThroughDaemon> {
  const { localHttp, socketPath, random } = parts;
  const token = Buffer.from(random.bytes(16)).toString("hex");
  const descriptors = [files.content.descriptor, files.journal.descriptor];
  const handed = await localHttp.sendDescriptors(`${socketPath}.fd`, new TextEncoder().encode(token), descriptors);
  try {
    return await follow(parts, askFor(parts, wanted, { kind: "descriptors", token }), () => handed.close());
  } finally {
    handed.close();
  }
}

/** The daemon sends the bytes; `write` gets them in order and is waited for. */
export async function downloadInOrder(
  parts: DaemonParts,
  wanted: Wanted,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<GotThroughDaemon> {
  let copying: Promise<void> | undefined;
  const stop = new AbortController();
  const signal = AbortSignal.any([parts.signal, stop.signal]);
  let word: Timer | undefined;
  const writeOrEnd = async (bytes: Uint8Array): Promise<void> => {
    try {
      await write(bytes);
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  try {
    const got = await follow({ ...parts, signal }, askFor(parts, wanted, { kind: "stream" }), (id) => {
      copying ??= copyBody(parts, id, signal, writeOrEnd);
      copying.catch((error: unknown) => (word = parts.clock.after(wordMsMax, () => stop.abort(error))));
    });
    await copying;
    return got;
  } finally {
    word?.cancel();
    stop.abort();
    await copying?.catch(() => undefined);
  }
}

async function copyBody(
  { localHttp, socketPath }: DaemonParts,
  id: string,
  signal: AbortSignal,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const reply = await localHttp.get(socketPath, `/v1/downloads/${encodeURIComponent(id)}/body`, signal);
  try {
    for await (const bytes of reply.body()) await write(bytes);
  } finally {
    reply.close();
  }
}

function askFor(parts: DaemonParts, wanted: Wanted, output: DownloadAsk["output"]): DownloadAsk {
  const { mode, backToSource, rateBytesPerSecond, triesMax, progressEveryMs } = parts;
  const { url, headers, filterQuery, tag, range, digest, sensitive } = wanted;
  return {
    url,
    headers,
    filterQuery,
    tag,
    output,
    mode,
    backToSource,
    // JSON has no Infinity.
    triesMax: Math.min(triesMax, Number.MAX_SAFE_INTEGER),
    progressEveryMs,
    ...(rateBytesPerSecond === Infinity ? {} : { rateBytesPerSecond }),
    ...(range === undefined ? {} : { range }),
    ...(sensitive ? { sensitive } : {}),
    ...digestFields(digest === undefined ? undefined : digestToText(digest), range !== undefined),
  };
}

/** A digest names the whole object; with a range it is what only the user knows of that part. MD5 names nothing. */
function digestFields(digest: string | undefined, ofRange: boolean): { digest?: string; userDigest?: string } {
  if (digest === undefined) return {};
  return ofRange || digest.startsWith("md5:") ? { userDigest: digest } : { digest };
}

async function follow(
  parts: DaemonParts,
  ask: DownloadAsk,
  onStarted: (id: string) => void,
): Promise<GotThroughDaemon> {
  const { localHttp, socketPath, signal } = parts;
  const reply = await localHttp.post(socketPath, "/v1/downloads", ask, signal);
  let id = "";
  try {
    for await (const event of events(parts, reply)) {
      if (event.event === "failed") throw errorFromWire(event.error);
      if (event.event === "started") {
        ({ id } = event);
        onStarted(id);
      }
      if (event.event === "done") return { done: event, settle: () => settle(parts, id) };
      parts.tell(event);
    }
  } finally {
    reply.close();
  }
  throw new DarnerError(
    "daemon.gone",
    `cannot go on with ${wantedName(ask)}: the host daemon ended in mid-transfer; try again`,
  );
}

const wantedName = (ask: DownloadAsk): string => ask.url.split(/[?#]/, 1)[0]!;

/** The daemon's lines, each within the time that it may be silent. */
async function* events(parts: DaemonParts, reply: LocalReply): AsyncGenerator<DownloadEvent> {
  let silent = false;
  const watch = (): { cancel(): void } =>
    parts.clock.after(parts.silenceMsMax, () => {
      silent = true;
      reply.close();
    });
  let timer = watch();
  try {
    for await (const line of reply.lines()) {
      timer.cancel();
      if (!isEvent(line))
        throw new DarnerError(
          "cluster.protocol",
          "cannot read the host daemon's answer: a line is no event; see whether it is of the same version",
        );
      yield line;
      timer = watch();
    }
  } catch (error) {
    if (!silent) throw error;
    throw new DarnerError(
      "daemon.gone",
      `cannot go on: the host daemon told nothing for ${parts.silenceMsMax} ms; restart it`,
      {
        facts: { silent: true },
      },
    );
  } finally {
    timer.cancel();
  }
}

function isEvent(line: unknown): line is DownloadEvent {
  return typeof line === "object" && line !== null && "event" in line && typeof line.event === "string";
}

/** A daemon that does not hear it serves from the output no longer; that hurts nobody. */
async function settle({ localHttp, socketPath }: DaemonParts, id: string): Promise<void> {
  try {
    const path = `/v1/downloads/${encodeURIComponent(id)}/settled`;
    (await localHttp.post(socketPath, path, {}, AbortSignal.timeout(settleTimeoutMs))).close();
  } catch {
    // Said above.
  }
}
