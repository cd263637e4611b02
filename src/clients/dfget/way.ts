/** Finds out which way the bytes come: asks the socket, and starts a daemon where one is needed. */

import { DarnerError } from "#base/mod.ts";
import type { Silence } from "#platform/http-asks/local.ts";
import { sleep } from "#platform/machine/clock.ts";
import { chooseWay, type WayFacts } from "./choose-way.ts";
import { daemonOrder, socketFor, type ClusterFacts } from "./daemon-instance.ts";
import type { DfgetPorts, StartedDaemon } from "./ports.ts";
import type { Reporter } from "./reporter.ts";
import type { DfgetSettings } from "./run.ts";

const answerTimeoutMs = 1000;
/** A daemon that does not answer in this time is not waited for. */
const startTimeoutMs = 10_000;
const lookEveryMs = 50;
const notAsked: Silence = { says: "it is not asked", isEmpty: true };

export type OpenWay = { readonly kind: "daemon"; readonly socketPath: string } | { readonly kind: "alone" };

/** Throws `cluster.unreachable`, `daemon.unreachable` when no way is left. */
export async function openWay(
  ports: DfgetPorts,
  settings: DfgetSettings,
  cluster: ClusterFacts,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<OpenWay> {
  const socketPath = socketFor(settings, cluster);
  const asksDaemon = settings.mode !== "source" || cluster.socketNamed;
  const facts: WayFacts = {
    mode: settings.mode,
    backToSource: !settings.noBackToSource,
    socketPath,
    socketNamed: cluster.socketNamed,
    silence: asksDaemon ? await ports.localHttp.silence(socketPath, answerTimeoutMs) : notAsked,
    managers: settings.manager,
    configService: settings.configService,
    daemonStartable: ports.startDaemon !== undefined,
  };
  const { way, reasons } = chooseWay(facts);
  // A daemon that is there and may not be used is no matter of course.
  const isOdd = facts.silence?.isEmpty === false;
  reasons.forEach((reason, at) => reporter[isOdd && at === 0 ? "notice" : "explain"](reason));
  if (way.kind === "none") throw way.error;
  if (way.kind !== "start-daemon") return way;
  const failure = await startDaemon(ports, settings, cluster, signal);
  if (failure === undefined) return { kind: "daemon", socketPath };
  if (!facts.backToSource) throw failure;
  reporter.notice(`${failure.message}; going on alone, from the origin`);
  return { kind: "alone" };
}

async function startDaemon(
  ports: DfgetPorts,
  settings: DfgetSettings,
  cluster: ClusterFacts,
  signal: AbortSignal,
): Promise<DarnerError | undefined> {
  const order = daemonOrder(settings, cluster);
  const untilMs = ports.clock.nowMs() + startTimeoutMs;
  let started: StartedDaemon | undefined;
  try {
    started = await ports.startDaemon?.(order);
  } catch (cause) {
    const says = cause instanceof Error ? cause.message : String(cause);
    return new DarnerError("daemon.unreachable", `cannot start a daemon: ${says}`, { cause });
  }
  while (ports.clock.nowMs() < untilMs) {
    signal.throwIfAborted();
    if ((await ports.localHttp.silence(order.socketPath, answerTimeoutMs)) === undefined) return undefined;
    const words = started?.lastWords();
    if (words !== undefined) {
      const says = `it ended at once: ${words.replace(/^darner: /, "")}`;
      return new DarnerError("daemon.unreachable", `cannot use the daemon that was started: ${says}`);
    }
    await sleep(ports.clock, lookEveryMs, signal);
  }
  const says = `it did not answer within ${startTimeoutMs / 1000} s; its log is in ${order.dataDirectory}`;
  return new DarnerError("daemon.unreachable", `cannot use the daemon that was started: ${says}`);
}
