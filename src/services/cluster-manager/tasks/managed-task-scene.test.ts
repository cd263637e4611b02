/** One task of a cluster manager, with its real parts: a test scripts the origin and sees what hosts hear. */

import type { Caller } from "#core/reach/mod.ts";
import type { ManagerMessage, TaskAsk } from "#core/protocol/mod.ts";
import type { OriginRequest } from "#origins/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { TaskCache } from "#storage/pieces/mod.ts";
import { Limiter, Uploads, type SealEpochs } from "#transfer/mod.ts";
import { Accusations } from "../hosts/mod.ts";
import { Colleagues } from "../colleagues/mod.ts";
import { ManagedTask } from "./managed-task.ts";
import { TaskVersion } from "./task-version.ts";
import type { VersionHost } from "../hosts/mod.ts";
import { MemoryNetwork } from "../../../../test/memory-network.ts";
import { ScriptedOrigin, type ScriptedObject } from "../../../../test/scripted-origin.ts";

export const task = "7a".repeat(32);
export const ask: TaskAsk = { url: "http://origin/a", headers: {}, filterQuery: [], tag: "" };
export const content = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) & 0xff);

export class TestHost implements VersionHost {
  readonly card;
  readonly caller: Caller;
  readonly heard: ManagerMessage[] = [];

  constructor(id: string, caller: Caller = "far") {
    this.caller = caller;
    this.card = { id, name: id, site: "", address: "10.0.0.1", port: 1 };
  }

  send(message: ManagerMessage): void {
    this.heard.push(message);
  }

  ticket(): undefined {
    return undefined;
  }

  async recall(): Promise<undefined> {}

  /** The kinds of messages heard, each run of one kind named once. */
  get kinds(): string {
    const kinds = this.heard.map((message) => message.kind);
    return kinds.filter((kind, at) => kind !== kinds[at - 1]).join(" ");
  }

  get error(): string | undefined {
    const failed = this.heard.find((message) => message.kind === "failed");
    return failed?.error.message;
  }

  get generation(): string | undefined {
    const head = this.heard.findLast((message) => message.kind === "head");
    return head?.head.generation;
  }
}

type Serve = (number: number, request: OriginRequest) => ScriptedObject | Promise<ScriptedObject>;

interface Ground {
  /** What is fetched is sealed, under keys of theirs. */
  readonly epochs?: SealEpochs;
  readonly assertMayRead?: () => Promise<void>;
}

export async function newManager(serve: Serve, { epochs, assertMayRead = async () => undefined }: Ground = {}) {
  const clock = new SimClock();
  const disk = new SimDisk({ wallMs: () => clock.wallMs() });
  const origin = new ScriptedOrigin(async (request, number) => ({
    wallMs: clock.wallMs(),
    ...(await serve(number, request)),
  }));
  const boot = new Uint8Array(8);
  const marks = { quotaBytes: () => 1e9, highWatermark: () => 0.9, lowWatermark: () => 0.8, spaceAhead: true };
  const cache = await TaskCache.open({ disk, directory: "/data", boot, clock, ...marks });
  const limiter = new Limiter(clock, Infinity);
  const refusal = (): null => null;
  const uploads = new Uploads({ clock, log: silentLog, limiter, slots: 4, refusal, trust: false });
  const seed = { id: "m", address: "10.0.0.9", port: 8002, seed: true };
  const { dialler } = new MemoryNetwork(clock);
  const accusations = new Accusations({ clock, log: silentLog, dialler, key: newSigningKey(), trust: false });
  const card = { ...seed, name: "m", site: "" };
  const ground = { clock, random: nodeRandom, log: silentLog, dialler, key: newSigningKey(), trust: false };
  const colleagues = new Colleagues({ ...ground, card: () => card });
  const newTask = (): ManagedTask =>
    new ManagedTask({
      clock,
      random: nodeRandom,
      log: silentLog,
      origin,
      cache,
      limiter,
      task,
      connectionsMax: () => 1,
      pieceBytes: 65_536,
      hosts: () => 10,
      onOriginBytes: () => undefined,
      mustSeal: () => epochs !== undefined,
      assertMayRead,
      ...colleagues.aidFor(task, origin),
      openVersion: async (task, folder, ask) => {
        const store = await cache.hold(task, folder);
        return new TaskVersion({
          clock,
          log: silentLog,
          unit: () => 0,
          task,
          ask,
          store,
          uploads,
          seed,
          site: "",
          sign: undefined,
          epochs,
          accusations,
          onShutOut: () => {},
          onSpoiled: () => managed.refetch(),
        });
      },
    });
  const managed = newTask();
  const join = (count: number, from = managed): TestHost[] => {
    const hosts = Array.from({ length: count }, (_, number) => new TestHost(`h${number}`));
    for (const host of hosts) void from.join({ host, ask, holds: undefined });
    return hosts;
  };
  return { clock, disk, cache, origin, managed, newTask, join };
}

export const plain = (over: Partial<ScriptedObject> = {}): ScriptedObject => ({ content, etag: '"v1"', ...over });
