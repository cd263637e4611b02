/**
 * A blob's bytes for one reader: from the swarm, and straight from the registry once the swarm gives
 * nothing new for too long, without a byte twice and with the same promise: of a whole blob the last
 * bytes come only when its digest is proved.
 */

import { DarnerError } from "#base/mod.ts";
import { parseDigest } from "#core/model/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { streamingDigest } from "#platform/keys/digest.ts";
import type { Content, ContentAsk, ImageHost, Opening } from "./image-host.ts";
import type { Span } from "./byte-range.ts";

/** Of silence: the bytes of a long piece of a slow registry are heard of. Without a manager nobody is at work. */
const patienceMs = { managed: 5_000, alone: 3_000 } as const;
const lookEveryMs = 250;
/** Held back at the end of what was not proved piece by piece. */
const heldBackBytes = 64 * 1024;

export interface StreamParts {
  readonly clock: Clock;
  readonly host: ImageHost;
  readonly signal: AbortSignal;
  /** The swarm is given up, and why. */
  onRescue(reason: string): void;
}

/** Content, and when something of it last came. */
export type HeardContent = Content & Pick<Opening, "heardMs">;

/** `span` lies within the object; `lengthBytes` is the whole object's. */
export async function* contentStream(
  parts: StreamParts,
  { bytes, heardMs }: HeardContent,
  ask: ContentAsk,
  span: Span,
  lengthBytes: number,
): AsyncGenerator<Uint8Array> {
  let position = span.start;
  try {
    for (;;) {
      const next = await withPatience(parts, bytes.next(), heardMs);
      if (next.done === true) break;
      position += next.value.length;
      yield next.value;
    }
  } catch (error) {
    if (parts.signal.aborted || position >= span.end) throw error;
    parts.onRescue((error as Error).message);
    const whole = span.start === 0 && span.end === lengthBytes;
    const rest = fromRegistry(parts, ask, position, span.end);
    yield* whole ? proved(parts, ask, position, lengthBytes, rest) : rest;
    return;
  } finally {
    void bytes.return?.().catch(() => undefined);
  }
  if (position < span.end)
    throw new DarnerError("origin.body-short", `cannot go on: ${position} of ${span.end} bytes came`);
}

/** What `wait` gives, unless nothing is heard for too long. */
export function withPatience<T>(
  parts: Omit<StreamParts, "onRescue">,
  wait: Promise<T>,
  heardMs: () => number,
): Promise<T> {
  const { clock, host, signal } = parts;
  const startedMs = clock.nowMs();
  return new Promise((resolve, reject) => {
    let timer = clock.after(lookEveryMs, look);
    function look(): void {
      const waitedMs = clock.nowMs() - Math.max(startedMs, heardMs());
      if (waitedMs < (host.managed ? patienceMs.managed : patienceMs.alone) && !signal.aborted)
        timer = clock.after(lookEveryMs, look);
      else reject(new DarnerError("cluster.stalled", `the swarm gave nothing for ${Math.round(waitedMs / 1000)} s`));
    }
    wait.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: Error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

async function* fromRegistry(
  { host, signal }: StreamParts,
  ask: ContentAsk,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let position = start;
  for await (const chunk of host.fetch(ask, start, signal)) {
    const bytes = chunk.subarray(0, Math.min(chunk.length, end - position));
    position += bytes.length;
    yield bytes;
    if (position === end) return;
  }
}

/** The same bytes, the last of them only if all before `position` and these have the digest. */
async function* proved(
  { host, signal }: StreamParts,
  ask: ContentAsk,
  position: number,
  lengthBytes: number,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { algorithm, hex } = parseDigest(ask.digest);
  const running = streamingDigest(algorithm);
  if (position > 0) {
    // They were given out piece by piece, so they are all here.
    const before = await host.open({ ...ask, range: { start: 0, end: position } }, signal).opened;
    for (let next = await before.bytes.next(); next.done !== true; next = await before.bytes.next())
      running.update(next.value);
  }
  let held: Uint8Array[] = [];
  let left = lengthBytes - position;
  for await (const chunk of rest) {
    running.update(chunk);
    left -= chunk.length;
    held.push(chunk);
    if (left < heldBackBytes) continue;
    yield* held;
    held = [];
  }
  if (left !== 0 || running.hex() !== hex) {
    const says = "what the registry sent does not have the digest";
    throw new DarnerError("digest.mismatch", `cannot give ${ask.digest}: ${says}`);
  }
  yield* held;
}
