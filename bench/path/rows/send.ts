/** Sending what a host holds to one reader and to fifty, beside nginx with sendfile; server and readers pinned. */

import { needs } from "../../swarm/needs.ts";
import { cpuSecondsOf, loopDelayP99Ms, root } from "../ground.ts";
import type { Row } from "../row.ts";
import { Series } from "../series.ts";
import { startReader } from "../start-reader.ts";
import { objectAt } from "../served-task.ts";

const [serverCore, readerCore] = [0, 1];
/** Enough for ticks of 10 ms to be small beside what is counted. */
const bytesMin = 2e9;

export const send: Row = {
  name: "send",
  help: "CPU to send pieces of the object to 1 and to 50 readers, beside nginx with sendfile sending ranges of the same length; bars 1.25 x and 1.35 x; loop delay p99 <= 5 ms; at least 5 runs in turn",
  needs: [needs.nginx, needs.taskset],
  async run(ground, options) {
    const { sizeBytes } = options;
    ground.serve("a.bin", sizeBytes);
    const nginx = await ground.nginx(serverCore);
    const url = `http://127.0.0.1:${nginx.port}/a.bin`;
    const pieces = options.pieceBytes === undefined ? [] : ["--piece-bytes", String(options.pieceBytes)];
    const manager = await ground.darner("cluster-manager", pieces);
    const managerUrl = `http://127.0.0.1:${manager.port}`;
    const daemon = await ground.darner("daemon", ["--manager", managerUrl], serverCore);
    await ground.time([`${root}/bin/dfget`, "-q", "--socket", `${daemon.folder}/d.sock`, "-O", "kept.out", url]);
    const object = await objectAt(manager.port, "a.bin");
    const series = new Series();
    for (let run = 0; run < Math.max(5, options.runs); run++) {
      for (const connections of [1, 50]) {
        const bytes = Math.max(bytesMin, sizeBytes);
        const common = { connections, bytes, sizeBytes, ...object };
        for (const from of ["nginx", "daemon"] as const) {
          const server = from === "nginx" ? nginx : daemon;
          if (from === "daemon") await loopDelayP99Ms(daemon.port);
          const before = cpuSecondsOf(server.pid);
          const done = await startReader({ ...common, from, port: server.port, path: "/a.bin" }, readerCore).done;
          series.add(`${from}${connections}CpuSecondsPerGb`, (cpuSecondsOf(server.pid) - before) / (done.bytes / 1e9));
          series.add(`${from}${connections}MegabytesPerSecond`, done.bytes / 1e6 / done.seconds);
          if (from === "daemon") series.add(`daemon${connections}LoopDelayP99Ms`, await loopDelayP99Ms(daemon.port));
        }
      }
    }
    const ratio = (count: number): number =>
      series.median(`daemon${count}CpuSecondsPerGb`) / series.median(`nginx${count}CpuSecondsPerGb`);
    return series.result([
      { what: "1 reader / nginx", value: ratio(1), most: 1.25 },
      { what: "50 readers / nginx", value: ratio(50), most: 1.35 },
      { what: "loop delay p99 ms, 50 readers", value: series.median("daemon50LoopDelayP99Ms"), most: 5 },
    ]);
  },
};
