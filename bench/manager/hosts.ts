/**
 * A process of the load generator: opens its share of the hosts' control connections, lets them ask
 * for the task, and has each report at the pace that the manager set. Started by main.ts, which it
 * tells what came of it.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { taskIdOf } from "#transfer/mod.ts";
import { LoadedHost, type HostGround } from "./loaded-host.ts";
import { upgraded } from "./upgraded.ts";

export interface HostOrders {
  readonly first: number;
  readonly count: number;
  readonly port: number;
  readonly url: string;
  readonly rateBytesPerSecond: number;
  readonly starvingShare: number;
  readonly arriveMs: number;
  /** Nobody downloads before all have joined. */
  readonly together: boolean;
}

/** What a process of hosts tells; times of answers only of reports made after all had joined. */
export type HostNews =
  | { readonly kind: "connected" }
  | { readonly kind: "joined" }
  | { readonly kind: "failed"; readonly reason: string }
  | ({ readonly kind: "second"; readonly joined: number; readonly whole: number } & HostGround["counts"])
  | {
      readonly kind: "done";
      readonly steadyMs: readonly number[];
      readonly joiningMs: readonly number[];
      readonly unanswered: number;
      readonly kinds: Readonly<Record<string, number>>;
      /** Of all hosts in all windows of two seconds after joining: messages heard. */
      readonly windows: {
        readonly count: number;
        readonly messages: number;
        readonly most: number;
        readonly over: number;
      };
      readonly loopDelayMs: { readonly p99: number; readonly max: number };
    };

/** From main.ts: ask now, only the very first or all; everybody everywhere has joined; end. */
export type HostCommand = "ask-one" | "ask" | "all-joined" | "end";

const orders = JSON.parse(process.argv[2]!) as HostOrders;
const dialledAtOnce = 64;
const wheelStepMs = 10;
const windowMs = 2_000;

const tell = (news: HostNews, told = (): void => {}): void => void process.send!(news, told);
const ask = { url: orders.url, headers: {}, filterQuery: [], tag: "" };
const answers: { steady: number[]; joining: number[] } = { steady: [], joining: [] };
const windows = { count: 0, messages: 0, most: 0, over: 0 };
let allJoinedMs = Infinity;
const ground: HostGround = {
  task: taskIdOf(ask),
  ask,
  rateBytesPerSecond: orders.rateBytesPerSecond,
  starvingShare: orders.starvingShare,
  beginMs: orders.together ? Infinity : 0,
  listed: new Set(),
  counts: { sent: 0, received: 0, aliveSent: 0, aliveReceived: 0, receivedBytes: 0 },
  receivedKinds: new Map(),
  onAnswer: (saidMs, waitedMs) => void (saidMs > allJoinedMs ? answers.steady : answers.joining).push(waitedMs),
  onFailed: (reason) => tell({ kind: "failed", reason }),
};
const hosts = Array.from(
  { length: orders.count },
  (_, index) => new LoadedHost(`load-${orders.first + index}`, orders.first + index, index === 0, ground),
);
const loopDelay = monitorEventLoopDelay({ resolution: 5 });

async function connectAll(): Promise<void> {
  const rest = hosts.entries();
  const dial = async (): Promise<void> => {
    for (const [index, host] of rest) {
      // An address has some 28,000 ports to dial from; these have 500 hosts each.
      const localAddress = `127.0.1.${1 + (Math.floor((orders.first + index) / 500) % 250)}`;
      const target = { port: orders.port, path: "/control", headers: {}, localAddress };
      const socket = await upgraded(target, (bytes) => host.received(bytes));
      socket.removeAllListeners("close");
      socket.on("close", () => tell({ kind: "failed", reason: `the manager closed the connection of ${host.name}` }));
      host.attach(socket);
      wheel.put(host, performance.now() + Math.random() * host.reportEveryMs);
    }
  };
  await Promise.all(Array.from({ length: dialledAtOnce }, dial));
  tell({ kind: "connected" });
}

/** One timer for all: each host has a turn soon after it connected, then every `reportEveryMs`. */
class Wheel {
  readonly #slots = new Map<number, LoadedHost[]>();
  #slot = Math.floor(performance.now() / wheelStepMs);
  readonly #timer = setInterval(() => this.#turn(), wheelStepMs / 2);

  put(host: LoadedHost, atMs: number): void {
    const slot = Math.max(this.#slot + 1, Math.floor(atMs / wheelStepMs));
    const waiting = this.#slots.get(slot);
    if (waiting === undefined) this.#slots.set(slot, [host]);
    else waiting.push(host);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #turn(): void {
    const nowMs = performance.now();
    while (this.#slot < Math.floor(nowMs / wheelStepMs)) {
      this.#slot++;
      const due = this.#slots.get(this.#slot) ?? [];
      this.#slots.delete(this.#slot);
      for (const host of due) {
        host.tick(performance.now());
        this.put(host, this.#slot * wheelStepMs + host.reportEveryMs);
      }
    }
  }
}

const wheel = new Wheel();
const asked = new Set<LoadedHost>();

function askNext(): void {
  const host = hosts[asked.size]!;
  asked.add(host);
  host.ask();
}

function askAll(): void {
  const startMs = performance.now();
  const timer = setInterval(() => {
    const share = Math.min(1, (performance.now() - startMs) / Math.max(1, orders.arriveMs));
    while (asked.size < share * hosts.length) {
      askNext();
    }
    if (asked.size === hosts.length) clearInterval(timer);
  }, 5);
}

let toldJoined = false;
function everySecond(): void {
  let joined = 0;
  let whole = 0;
  for (const host of hosts) {
    if (host.joined) joined++;
    if (host.whole) whole++;
  }
  tell({ kind: "second", joined, whole, ...ground.counts });
  if (joined === hosts.length && !toldJoined) {
    toldJoined = true;
    tell({ kind: "joined" });
  }
}

function everyWindow(): void {
  for (const host of hosts) {
    if (!host.whole) {
      windows.count++;
      windows.messages += host.heardInWindow;
      windows.most = Math.max(windows.most, host.heardInWindow);
      if (host.heardInWindow > 1) windows.over++;
    }
    host.heardInWindow = 0;
  }
}

process.on("message", (command: HostCommand) => {
  if (command === "ask-one") {
    if (orders.first === 0) askNext();
  } else if (command === "ask") {
    loopDelay.enable();
    askAll();
  } else if (command === "all-joined") {
    allJoinedMs = performance.now();
    if (orders.together) ground.beginMs = allJoinedMs;
    for (const host of hosts) host.heardInWindow = 0;
    setInterval(everyWindow, windowMs).unref();
  } else {
    wheel.stop();
    const done: HostNews = {
      kind: "done",
      steadyMs: answers.steady,
      joiningMs: answers.joining,
      unanswered: hosts.filter((host) => host.unanswered).length,
      kinds: Object.fromEntries(ground.receivedKinds),
      windows,
      loopDelayMs: { p99: loopDelay.percentile(99) / 1e6, max: loopDelay.max / 1e6 },
    };
    for (const host of hosts) host.close();
    tell(done, () => process.disconnect!());
  }
});
setInterval(everySecond, 1_000).unref();
await connectAll();
