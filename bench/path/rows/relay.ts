/** A big sparse object given to twenty peers at once; and a disk that is slow. */

import { closeSync, ftruncateSync, openSync } from "node:fs";
import { needs } from "../../swarm/needs.ts";
import { loopDelayP99Ms, pause, residentBytesOf, root } from "../ground.ts";
import type { Row } from "../row.ts";
import { Series } from "../series.ts";
import { startReader } from "../start-reader.ts";
import { objectAt } from "../served-task.ts";

const peers = 20;
const lookEveryMs = 500;

export const relay: Row = {
  name: "relay",
  help: `a sparse object (--relay-gb) that a host holds, given whole to ${peers} peers at once: resident memory (bar 150 MB), its growth in the second half, loop delay p99 (20 ms)`,
  needs: [needs.nginx],
  async run(ground, { relayBytes }) {
    // The origin's, the manager's and the host's own, and some space: nobody fills a store to the brim.
    ground.roomForHoles(4 * relayBytes);
    const file = openSync(`${ground.folder}/www/sparse.bin`, "w");
    ftruncateSync(file, relayBytes);
    closeSync(file);
    const nginx = await ground.nginx();
    const url = `http://127.0.0.1:${nginx.port}/sparse.bin`;
    const manager = await ground.darner("cluster-manager", []);
    const daemon = await ground.darner("daemon", ["--manager", `http://127.0.0.1:${manager.port}`]);
    await ground.time([`${root}/bin/dfget`, "-q", "--socket", `${daemon.folder}/d.sock`, "-O", "kept.out", url]);
    const object = await objectAt(manager.port, "sparse.bin");
    const series = new Series();
    await loopDelayP99Ms(daemon.port);
    const readers = startReader({
      from: "daemon",
      port: daemon.port,
      connections: peers,
      bytes: peers * relayBytes,
      sizeBytes: relayBytes,
      ...object,
    });
    const resident: number[] = [];
    let over = false;
    const done = readers.done.finally(() => (over = true));
    while (!over) {
      resident.push(residentBytesOf(daemon.pid) / 1e6);
      await Promise.race([done, pause(lookEveryMs)]);
    }
    const { bytes, seconds } = await done;
    const half = resident.slice(Math.floor(resident.length / 2));
    series.add("megabytesPerSecond", bytes / 1e6 / seconds);
    series.add("residentMegabytesMost", Math.max(...resident));
    series.add("growthMegabytes", half.at(-1)! - half[0]!);
    series.add("loopDelayP99Ms", await loopDelayP99Ms(daemon.port));
    return series.result([
      { what: "resident MB", value: series.median("residentMegabytesMost"), most: 150 },
      { what: "growth in the second half, MB", value: series.median("growthMegabytes"), most: 15 },
      { what: "loop delay p99 ms", value: series.median("loopDelayP99Ms"), most: 20 },
    ]);
  },
};
