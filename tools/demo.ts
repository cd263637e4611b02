/**
 * `npm run demo`: an origin with a slow line, a whole cluster of real processes on this machine, and
 * the proof that the origin sent its bytes once. Ends by itself and leaves nothing behind; status 0
 * only when every file is right and the origin sent at most 1.02 copies.
 */

import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { formatBytes, formatDuration, formatRate, parseBytes, parseRate } from "#base/mod.ts";
import { readFlags } from "../bench/flags.ts";
import { measureDirect, Swarm } from "./demo/acts.ts";
import { enter } from "./demo/cast.ts";
import { sha256Of } from "./demo/digests.ts";
import { Screen } from "./demo/screen.ts";
import { Stage } from "./demo/stage.ts";
import { copiesText, type Picture } from "./demo/table.ts";

const runMsMax = 180_000;
const copiesMax = 1.02;
const seed = 2_026;
/** Of the big object: what each host gets directly, for the comparison. */
const sampleShare = 1 / 20;

interface Plan {
  readonly hosts: number;
  readonly sizeBytes: number;
  readonly rate: string;
  readonly limitBytesPerSecond: number;
}

function readPlan(): Plan {
  const values = readFlags(import.meta.filename, {
    hosts: { type: "string", default: "8" },
    size: { type: "string", default: "200MB" },
    rate: { type: "string", default: "200Mbit" },
  });
  const hosts = Number(values.hosts);
  const sizeBytes = parseBytes(values.size) ?? 0;
  const limitBytesPerSecond = parseRate(values.rate) ?? 0;
  const fits = Number.isInteger(hosts) && hosts >= 1 && hosts <= 64 && sizeBytes >= 1e6 && limitBytesPerSecond >= 1e4;
  if (!fits) throw new Error("cannot read the flags: they should look like --hosts 8 --size 200MB --rate 200Mbit");
  // Each host's file, the samples, and the manager's copy.
  const neededBytes = sizeBytes * (hosts + 1 + hosts * sampleShare);
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < neededBytes) {
    const free = `${formatBytes(bavail * bsize)} are free in ${tmpdir()}, ${formatBytes(neededBytes)} are needed`;
    throw new Error(`cannot play here: ${free}; set TMPDIR, or give --size`);
  }
  return { hosts, sizeBytes, rate: values.rate, limitBytesPerSecond };
}

async function play(plan: Plan, stage: Stage, screen: Screen): Promise<boolean> {
  const { hosts, sizeBytes, rate, limitBytesPerSecond } = plan;
  const { bold, faint, plain } = screen.paint;
  const size = formatBytes(sizeBytes);
  const sampleBytes = Math.round(sizeBytes * sampleShare);
  screen.say(
    `${bold}Darner: ${size} to ${hosts} hosts from an origin that sends ${formatRate(limitBytesPerSecond)}${plain}`,
  );
  screen.say(`${faint}starting an origin, a config service, a cluster manager and ${hosts} host daemons${plain}`);
  const object = (path: string, bytes: number): string => `${path}=${bytes}:${seed}`;
  const cast = await enter(stage, {
    hosts,
    rate,
    objects: [object("/sample", sampleBytes), object("/object", sizeBytes)],
  });
  const direct = await measureDirect(stage, cast, "/sample");
  const directMs = (hosts * sizeBytes * 1000) / direct;
  const sample = `${hosts} x ${formatBytes(sampleBytes)} came with ${formatRate(direct)} together`;
  screen.say(`${faint}first without Darner: ${sample},${plain}`);
  screen.say(`${faint}so ${hosts} x ${size} would take ${formatDuration(directMs)}. Now with it:${plain}\n`);
  const swarm = new Swarm(cast, sizeBytes, limitBytesPerSecond);
  screen.animate(() => swarm.picture);
  const outputs = await swarm.run(stage, "/object");
  screen.rest(swarm.picture);
  screen.say(`\n${faint}reading all files again, for the proof${plain}`);
  const [expected = "", ...digests] = await sha256Of([{ sizeBytes, seed }, ...outputs.map((file) => ({ path: file }))]);
  return prove(screen, swarm.picture, { expected, digests, directMs });
}

interface Evidence {
  readonly expected: string;
  readonly digests: readonly string[];
  readonly directMs: number;
}

function prove(screen: Screen, picture: Picture, { expected, digests, directMs }: Evidence): boolean {
  const { sizeBytes, originBytes, elapsedMs, hosts } = picture;
  const { bold, faint, plain } = screen.paint;
  const right = digests.filter((digest) => digest === expected).length;
  const isOnce = originBytes <= copiesMax * sizeBytes;
  const mark = (good: boolean): string => (good ? "ok  " : "FAIL");
  const received = formatBytes(sizeBytes * hosts.length);
  const sent = `${copiesText(originBytes, sizeBytes)} (${formatBytes(originBytes)} sent, ${received} received)`;
  const times = (directMs / elapsedMs).toFixed(1);
  screen.say(
    `\n${mark(right === digests.length)}  ${right} of ${digests.length} files have the SHA-256 ${expected.slice(0, 16)}...`,
  );
  screen.say(`${mark(isOnce)}  the origin sent ${sent}`);
  screen.say(
    `      ${bold}${formatDuration(elapsedMs)}${plain} with Darner, ${formatDuration(directMs)} without: ${bold}${times} times as fast${plain}`,
  );
  screen.say(
    `      ${faint}(without: extrapolated from the first ${formatBytes(sizeBytes * sampleShare)} for each host)${plain}`,
  );
  return right === digests.length && isOnce;
}

const screen = new Screen(process.stdout);
const stopped = Promise.withResolvers<never>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopped.reject(signal));
const timer = setTimeout(() => stopped.reject(new Error(`it took longer than ${runMsMax / 1000} s`)), runMsMax);
let stage: Stage | undefined;
try {
  const plan = readPlan();
  stage = new Stage();
  const playing = play(plan, stage, screen);
  playing.catch(() => undefined); // When a signal came first, what it breaks is no news.
  process.exitCode = (await Promise.race([playing, stopped.promise])) ? 0 : 1;
} catch (error) {
  process.exitCode = error === "SIGINT" ? 130 : 1;
  screen.rest();
  console.error(`\ndemo: ${error instanceof Error ? error.message : `stopped by ${String(error)}`}`);
} finally {
  clearTimeout(timer);
  await stage?.end();
}
process.exit();
