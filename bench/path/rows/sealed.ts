/** What it costs that an object is sensitive: for the manager that sends it, and for the host that opens it. */

import { createDecipheriv, randomBytes } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { needs } from "../../swarm/needs.ts";
import { cpuSecondsOf, root, type Ground, type Started } from "../ground.ts";
import type { Row, RowOptions } from "../row.ts";
import { Series } from "../series.ts";

const pieceBytes = 1024 * 1024;
const stepBytes = 256 * 1024;
/** Of what each pass of its own is measured by. */
const passBytes = 512 * 1024 * 1024;
const forms = { clear: [], sealed: ["--sensitive"] } as const;

function get(ground: Ground, daemon: Started, url: string, flags: readonly string[]): Promise<number> {
  const command = [`${root}/bin/dfget`, "-q", "--socket", `${daemon.folder}/d.sock`, "-O", "host.out", ...flags, url];
  return ground.time(command).then(({ cpuSeconds }) => {
    ground.remove("host.out");
    return cpuSeconds;
  });
}

/** CPU seconds of this process for each GB. */
function passOf(step: () => void): number {
  const before = process.cpuUsage();
  for (let done = 0; done < passBytes; done += pieceBytes) step();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / (passBytes / 1e9);
}

/** The cipher alone: nothing is bound, checked, copied or allocated around it. */
function openingPass(): number {
  const [key, nonce] = [randomBytes(32), randomBytes(12)];
  const sealed = randomBytes(pieceBytes);
  return passOf(() => {
    const cipher = createDecipheriv("aes-256-gcm", key, nonce);
    for (let at = 0; at < pieceBytes; at += stepBytes) cipher.update(sealed.subarray(at, at + stepBytes));
  });
}

function writingPass(ground: Ground): number {
  const bytes = randomBytes(pieceBytes);
  const file = openSync(`${ground.folder}/written`, "w");
  try {
    return passOf(() => void writeSync(file, bytes));
  } finally {
    closeSync(file);
    ground.remove("written");
  }
}

async function measured(ground: Ground, series: Series, manager: Started, urls: Urls, options: RowOptions) {
  for (const [form, flags] of Object.entries(forms)) {
    const daemon = await ground.darner("daemon", [...trusted, "--manager", `http://127.0.0.1:${manager.port}`]);
    // The daemon's code is compiled by then.
    await get(ground, daemon, urls.warm, flags);
    const [sentBefore, gotBefore] = [cpuSecondsOf(manager.pid), cpuSecondsOf(daemon.pid)];
    const command = await get(ground, daemon, urls.measured, flags);
    const perGb = options.sizeBytes / 1e9;
    series.add(`${form}SendCpuSecondsPerGb`, (cpuSecondsOf(manager.pid) - sentBefore) / perGb);
    series.add(`${form}ReceiveCpuSecondsPerGb`, (command + cpuSecondsOf(daemon.pid) - gotBefore) / perGb);
    await ground.end(daemon);
    ground.remove(daemon.folder.slice(ground.folder.length + 1));
  }
}

const trusted = ["--trust", "on"];
interface Urls {
  readonly warm: string;
  readonly measured: string;
}

export const sealed: Row = {
  name: "sealed",
  help: "CPU of a manager that sends a sensitive object and of a host that gets it into a file, beside the same object in clear, and one pass of AES-256-GCM and one write; bars: sending 1.05 x, receiving clear + both",
  needs: [needs.nginx],
  async run(ground, options) {
    ground.serve("a.bin", options.sizeBytes);
    ground.serve("warm.bin", Math.min(options.sizeBytes, 200e6));
    const nginx = await ground.nginx();
    const urls = { warm: `http://127.0.0.1:${nginx.port}/warm.bin`, measured: `http://127.0.0.1:${nginx.port}/a.bin` };
    const manager = await ground.darner("cluster-manager", trusted);
    const series = new Series();
    // The manager has both objects in both forms before it is measured.
    const first = await ground.darner("daemon", [...trusted, "--manager", `http://127.0.0.1:${manager.port}`]);
    for (const url of Object.values(urls))
      for (const flags of Object.values(forms)) await get(ground, first, url, flags);
    await ground.end(first);
    ground.remove(first.folder.slice(ground.folder.length + 1));
    for (let run = 0; run < options.runs; run++) {
      await measured(ground, series, manager, urls, options);
      series.add("openingCpuSecondsPerGb", openingPass());
      series.add("writingCpuSecondsPerGb", writingPass(ground));
    }
    const of = (name: string): number => series.median(`${name}CpuSecondsPerGb`);
    const allowed = of("clearReceive") + of("opening") + of("writing");
    return series.result([
      { what: "sending, sealed / clear", value: of("sealedSend") / of("clearSend"), most: 1.05 },
      { what: "receiving, sealed / (clear + opening + writing)", value: of("sealedReceive") / allowed, most: 1 },
    ]);
  },
};
