/** A host whose disk is slow, imitated under the disk port, gives pieces to twenty readers. */

import { once } from "node:events";
import { spawn } from "node:child_process";
import { median } from "../../machine.ts";
import type { Row } from "../row.ts";
import { Series } from "../series.ts";

export const slowDisk: Row = {
  name: "slow-disk",
  help: "the sending half of a host over a disk of 1 MB/s (imitated under the disk port), 20 readers for 10 s: loop delay p99, bar 50 ms",
  needs: [],
  async run() {
    const series = new Series();
    const child = spawn(process.execPath, [`${import.meta.dirname}/../slow-host.ts`], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const [told] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => {
        throw new Error("the host with the slow disk ended early");
      }),
    ])) as [{ readonly p99Ms: number; readonly mostMs: number; readonly bytes: number }];
    child.kill();
    series.add("loopDelayP99Ms", told.p99Ms);
    series.add("loopDelayMostMs", told.mostMs);
    series.add("megabytesSent", told.bytes / 1e6);
    return series.result([{ what: "loop delay p99 ms", value: median([told.p99Ms]), most: 50 }]);
  },
};
