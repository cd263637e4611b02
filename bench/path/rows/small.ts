/** Small objects through a warm daemon: commands, requests on its socket, long lists; and a daemon without work. */

import { writeFileSync, mkdirSync } from "node:fs";
import { request } from "node:http";
import { needs } from "../../swarm/needs.ts";
import { cpuSecondsOf, pause, residentBytesOf, root, type Ground, type Started } from "../ground.ts";
import type { Row } from "../row.ts";
import { Series } from "../series.ts";

const repeats = 15;
const sizes = { "1 byte": 1, "10 KB": 10_000 } as const;

async function warmCluster(ground: Ground): Promise<{ manager: Started; daemon: Started; origin: string }> {
  const nginx = await ground.nginx();
  const manager = await ground.darner("cluster-manager", []);
  const daemon = await ground.darner("daemon", ["--manager", `http://127.0.0.1:${manager.port}`]);
  return { manager, daemon, origin: `http://127.0.0.1:${nginx.port}` };
}

/** One request on the daemon's socket, to its last byte, in milliseconds. */
function readOnSocket(socketPath: string, url: string): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: `/v1/object?url=${encodeURIComponent(url)}` }, (response) => {
      response.resume();
      response.once("end", () => resolve(performance.now() - startedMs));
      response.once("error", reject);
    });
    asked.once("error", reject);
    asked.end();
  });
}

export const small: Row = {
  name: "small",
  help: "1 byte and 10 KB that a warm daemon holds: whole command (bar 120 ms) and a request on its socket (5 ms); the first time, cold at the cluster, is shown too",
  needs: [needs.nginx],
  async run(ground) {
    const { daemon, origin } = await warmCluster(ground);
    const socket = `${daemon.folder}/d.sock`;
    const series = new Series();
    for (const [name, sizeBytes] of Object.entries(sizes)) {
      ground.serve(`${sizeBytes}.bin`, sizeBytes);
      const url = `${origin}/${sizeBytes}.bin`;
      for (let run = 0; run < repeats; run++) {
        series.add(`${name} cold, socket ms`, await readOnSocket(socket, `${url}?${run}`));
        series.add(`${name} warm, socket ms`, await readOnSocket(socket, `${url}?${run}`));
        const command = [`${root}/bin/dfget`, "-q", "--socket", socket, "-O", "small.out", `${url}?${run}`];
        const whole = await ground.time(command);
        series.add(`${name} warm, command ms`, whole.seconds * 1000);
        series.add(`${name} warm, command CPU ms`, whole.cpuSeconds * 1000);
        ground.remove("small.out");
      }
    }
    return series.result(
      Object.keys(sizes).flatMap((name) => [
        { what: `${name}, whole command, ms`, value: series.median(`${name} warm, command ms`), most: 120 },
        { what: `${name}, on the socket, ms`, value: series.median(`${name} warm, socket ms`), most: 5 },
      ]),
    );
  },
};

const objects = 10_000;

export const many: Row = {
  name: "many",
  help: `${objects} objects of 10 KB through the daemon by one dfget -i -, each fetched from the origin once; bar 1500 a second`,
  needs: [needs.nginx],
  async run(ground, { runs }) {
    const { manager, daemon, origin } = await warmCluster(ground);
    mkdirSync(`${ground.folder}/www/many`);
    for (let index = 0; index < objects; index++)
      writeFileSync(`${ground.folder}/www/many/${index}`, Buffer.alloc(10_000, index));
    const series = new Series();
    for (let run = 0; run < runs; run++) {
      const lines = Array.from({ length: objects }, (_, index) => `${origin}/many/${index}?${run}\tmany/${index}\n`);
      mkdirSync(`${ground.folder}/many`);
      const before = { manager: cpuSecondsOf(manager.pid), daemon: cpuSecondsOf(daemon.pid) };
      const command = [`${root}/bin/dfget`, "-q", "--socket", `${daemon.folder}/d.sock`, "-i", "-"];
      const { seconds, cpuSeconds } = await ground.time(command, { input: lines.join("") });
      series.add("objectsPerSecond", objects / seconds);
      series.add("dfgetCpuSeconds", cpuSeconds);
      series.add("daemonCpuSeconds", cpuSecondsOf(daemon.pid) - before.daemon);
      series.add("managerCpuSeconds", cpuSecondsOf(manager.pid) - before.manager);
      ground.remove("many");
    }
    return series.result([{ what: "objects a second", value: series.median("objectsPerSecond"), least: 1500 }]);
  },
};

const idleMs = 15_000;

export const idle: Row = {
  name: "idle",
  help: "a daemon with a manager and nothing to do, for 15 s: resident memory (bar 70 MB) and CPU (0.2 %)",
  needs: [],
  async run(ground) {
    const manager = await ground.darner("cluster-manager", []);
    const daemon = await ground.darner("daemon", ["--manager", `http://127.0.0.1:${manager.port}`]);
    await pause(3000);
    const before = cpuSecondsOf(daemon.pid);
    await pause(idleMs);
    const series = new Series();
    series.add("residentMegabytes", residentBytesOf(daemon.pid) / 1e6);
    series.add("anonymousMegabytes", residentBytesOf(daemon.pid, "RssAnon") / 1e6);
    series.add("cpuPercent", ((cpuSecondsOf(daemon.pid) - before) / (idleMs / 1000)) * 100);
    return series.result([
      { what: "resident MB", value: series.median("residentMegabytes"), most: 70 },
      { what: "CPU %", value: series.median("cpuPercent"), most: 0.2 },
    ]);
  },
};
