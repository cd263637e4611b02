/** The demo's two acts, measured: everybody alone from the origin, then everybody through Darner. */

import { managerBytes, originBytes, type Cast } from "./cast.ts";
import type { Stage } from "./stage.ts";
import type { HostRow, Picture } from "./table.ts";

/** Often enough to time the direct downloads; the swarm's is for the eye, and costs the manager a little. */
const lookEveryMs = { direct: 50, swarm: 250 } as const;
/** Over which a rate is told. */
const rateWindowMs = 1000;

/** Calls again and again, one at a time, until `stop`; one that fails is the last one's business. */
function repeat(look: () => Promise<void>, everyMs: number): { stop(): Promise<void> } {
  let going = true;
  const done = (async () => {
    while (going) {
      await look().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  })();
  return {
    async stop() {
      going = false;
      await done;
    },
  };
}

/**
 * How fast the origin serves so many direct downloads at once, bytes a second for all together. Timed
 * from its first byte to its last, so that the start of the processes is not held against them.
 */
export async function measureDirect(stage: Stage, cast: Cast, path: string): Promise<number> {
  let firstMs: number | undefined;
  let lastMs = 0;
  let sent = 0;
  const look = async (): Promise<void> => {
    const now = await originBytes(cast);
    if (now > sent) lastMs = performance.now();
    if (now > 0) firstMs ??= performance.now();
    sent = now;
  };
  const watch = repeat(look, lookEveryMs.direct);
  await Promise.all(
    cast.sockets.map((_, index) =>
      stage.run([
        "bin/dfget",
        "-q",
        "--mode=source",
        `--output=${stage.path(`direct-${index + 1}`)}`,
        `${cast.originUrl}${path}`,
      ]),
    ),
  );
  await watch.stop();
  await look();
  return (sent * 1000) / Math.max(1, lastMs - (firstMs ?? lastMs));
}

interface Receiving {
  originBytes: number;
  peerBytes: number;
  doneMs: number | undefined;
  readonly rate: Rate;
}

/** Bytes a second over the last second. */
class Rate {
  readonly #samples: [atMs: number, bytes: number][] = [[performance.now(), 0]];

  note(bytes: number): void {
    const nowMs = performance.now();
    this.#samples.push([nowMs, bytes]);
    while (this.#samples.length > 2 && nowMs - this.#samples[1]![0] > rateWindowMs) this.#samples.shift();
  }

  get bytesPerSecond(): number {
    const [fromMs, from] = this.#samples[0]!;
    const [toMs, to] = this.#samples.at(-1)!;
    return toMs > fromMs ? ((to - from) * 1000) / (toMs - fromMs) : 0;
  }
}

/** All hosts get the object at once, each through its own daemon. */
export class Swarm {
  readonly #cast: Cast;
  readonly #sizeBytes: number;
  readonly #limit: number;
  readonly #hosts: Receiving[];
  readonly #originRate = new Rate();
  readonly #startedMs = performance.now();
  #originBefore = 0;
  #originBytes = 0;
  #managerBytes = 0;
  #endedMs: number | undefined;

  constructor(cast: Cast, sizeBytes: number, originLimitBytesPerSecond: number) {
    this.#cast = cast;
    this.#sizeBytes = sizeBytes;
    this.#limit = originLimitBytesPerSecond;
    this.#hosts = cast.sockets.map(() => ({ originBytes: 0, peerBytes: 0, doneMs: undefined, rate: new Rate() }));
  }

  /** Resolves to the outputs' paths. */
  async run(stage: Stage, path: string): Promise<string[]> {
    this.#originBefore = await originBytes(this.#cast);
    const watch = repeat(() => this.#look(), lookEveryMs.swarm);
    try {
      const url = `${this.#cast.originUrl}${path}`;
      const outputs = this.#cast.sockets.map((_, index) => stage.path(`output-${index + 1}`));
      await Promise.all(
        this.#cast.sockets.map((socket, index) =>
          stage.run(["bin/dfget", "--socket", socket, "--json", "-O", outputs[index]!, url], (line) =>
            this.#heard(this.#hosts[index]!, line),
          ),
        ),
      );
      this.#endedMs = performance.now();
      return outputs;
    } finally {
      await watch.stop();
      await this.#look().catch(() => undefined);
    }
  }

  get picture(): Picture {
    return {
      sizeBytes: this.#sizeBytes,
      elapsedMs: (this.#endedMs ?? performance.now()) - this.#startedMs,
      originBytes: this.#originBytes,
      originBytesPerSecond: this.#endedMs === undefined ? this.#originRate.bytesPerSecond : 0,
      originLimitBytesPerSecond: this.#limit,
      managerBytes: this.#managerBytes,
      hosts: this.#hosts.map((host, index): HostRow => ({
        name: `host ${index + 1}`,
        originBytes: host.originBytes,
        peerBytes: host.peerBytes,
        bytesPerSecond: host.rate.bytesPerSecond,
        doneMs: host.doneMs,
      })),
    };
  }

  #heard(host: Receiving, line: Readonly<Record<string, unknown>>): void {
    const bytes = line["bytes"] as { readonly origin: number; readonly peers: number } | undefined;
    if (bytes === undefined) return;
    host.originBytes = bytes.origin;
    host.peerBytes = bytes.peers;
    host.rate.note(bytes.origin + bytes.peers);
    if (line["event"] === "done") host.doneMs = performance.now() - this.#startedMs;
  }

  async #look(): Promise<void> {
    const [origin, manager] = await Promise.all([originBytes(this.#cast), managerBytes(this.#cast)]);
    this.#originBytes = origin - this.#originBefore;
    this.#managerBytes = manager;
    this.#originRate.note(this.#originBytes);
  }
}
