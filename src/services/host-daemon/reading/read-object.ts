/**
 * Reading an object in the daemon's own process: what the image proxy, and whatever else runs beside
 * the daemon, takes bytes from.
 *
 *     const object = await readObject(daemon, { url, headers: {}, filterQuery: [], tag: "", range }, signal);
 *     response.writeHead(206, ...object.lengthBytes, object.start ...);
 *     for await (const bytes of object.bytes) response.write(bytes);   // leaving the loop early lets go of it
 *
 * Bytes come in order, each piece verified, while the rest is on its way, and of one version; a part of
 * a big object is got without the whole. A part ends when its bytes are out; of the whole the last
 * piece is held back until the whole is proved. Who does not iterate must `close`.
 */

import { asDarnerError } from "#base/mod.ts";
import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { DownloadMode, TaskAsk } from "#core/protocol/mod.ts";
import { type Download, spanOf } from "../outputs/mod.ts";
import type { ByteRange, HostTask } from "../tasks/mod.ts";
import type { HostDaemon } from "../service.ts";

export interface ReadAsk extends TaskAsk {
  readonly range?: ByteRange;
  /** p2p unless said otherwise. */
  readonly mode?: DownloadMode;
  /** Whether the origin may be asked when managers and peers cannot help; true unless said otherwise. */
  readonly backToSource?: boolean;
}

export interface OpenObject {
  /** Of the whole object; undefined while nobody knows it. */
  readonly lengthBytes: number | undefined;
  /** Of the part: first byte, and the byte after the last, undefined while nobody knows the length. */
  readonly start: number;
  readonly end: number | undefined;
  /** What the object's origin said of it, names in lower case: content-type, last-modified, etag. */
  readonly headers: Readonly<Record<string, string>>;
  /** To be iterated once. */
  readonly bytes: AsyncIterable<Uint8Array>;
  close(): void;
}

/** An object that is being opened. */
export interface Opening {
  /** Resolves when it has begun. Rejects with a DarnerError: what the origin, the manager or the range says. */
  readonly opened: Promise<OpenObject>;
  /** When something of it last came, or its manager said that it is at work, by the daemon's clock. */
  readonly heardMs: () => number;
}

const triesMax = 5;

export function readObject(daemon: HostDaemon, ask: ReadAsk, signal: AbortSignal): Promise<OpenObject> {
  return openObject(daemon, ask, signal).opened;
}

export function openObject(daemon: HostDaemon, ask: ReadAsk, signal: AbortSignal): Opening {
  let download: Download | undefined;
  const began = (begun: Download): void => void (download = begun);
  return { opened: begin(daemon, ask, signal, began), heardMs: () => download?.task?.heardMs ?? -Infinity };
}

async function begin(
  daemon: HostDaemon,
  ask: ReadAsk,
  signal: AbortSignal,
  began: (download: Download) => void,
): Promise<OpenObject> {
  signal.throwIfAborted();
  const { mode = "p2p", backToSource = true } = ask;
  const begun = daemon.begin(
    { ...ask, mode, backToSource, triesMax, output: { kind: "stream" } },
    undefined,
    () => undefined,
  );
  const download = daemon.download(begun.id)!;
  began(download);
  const interrupted = (): void => begun.abandon();
  signal.addEventListener("abort", interrupted, { once: true });
  try {
    return await opened(download, ask, () => {
      signal.removeEventListener("abort", interrupted);
      begun.abandon();
    });
  } catch (error) {
    interrupted();
    throw asDarnerError(error);
  }
}

/** The task that it follows, once it is known which version that gives. */
async function versionTold(download: Download): Promise<HostTask> {
  for (;;) {
    const task = await download.whenBegun();
    const { readers } = task;
    while (readers.version === undefined && readers.failure === undefined) await readers.news();
    if (readers.version !== undefined) return task;
    if (!(await download.goesOn(task, readers.failure))) throw readers.failure!;
  }
}

async function opened(download: Download, { range, url }: ReadAsk, close: () => void): Promise<OpenObject> {
  const { store } = await versionTold(download);
  const { clearLengthBytes: lengthBytes } = store;
  const span = lengthBytes === undefined ? undefined : spanOf(range, lengthBytes, url);
  const facts = store.object?.notes?.["facts"] as ResponseFacts | undefined;
  return {
    lengthBytes,
    start: range?.start ?? 0,
    end: span?.end ?? range?.end,
    headers: facts?.headers ?? {},
    bytes: closing(download.body(), close),
    close,
  };
}

async function* closing(bytes: AsyncIterable<Uint8Array>, close: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } finally {
    close();
  }
}
