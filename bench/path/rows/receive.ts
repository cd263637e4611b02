/** Receiving, hashing and storing: a host's own work, beside aria2 with a pass of openssl; and a host in mid-swarm. */

import { needs } from "../../swarm/needs.ts";
import { cpuSecondsOf, root, type Ground, type Started } from "../ground.ts";
import type { Row, RowOptions } from "../row.ts";
import { Series } from "../series.ts";
import { startReader } from "../start-reader.ts";
import { objectAt } from "../served-task.ts";

const perGb = (seconds: number, bytes: number): number => seconds / (bytes / 1e9);

/** CPU of the daemon and of dfget while the host gets the object, whose output is removed: next time it comes anew. */
async function hostGets(ground: Ground, daemon: Started, url: string, extra?: () => Promise<void>): Promise<number> {
  const before = cpuSecondsOf(daemon.pid);
  const getting = ground.time([
    `${root}/bin/dfget`,
    "-q",
    "--socket",
    `${daemon.folder}/d.sock`,
    "-O",
    "host.out",
    url,
  ]);
  const [got] = await Promise.all([getting, extra?.()]);
  const cpuSeconds = got.cpuSeconds + cpuSecondsOf(daemon.pid) - before;
  ground.remove("host.out");
  return cpuSeconds;
}

async function cluster(
  ground: Ground,
  url: string,
  options: RowOptions,
): Promise<{ manager: Started; daemon: Started }> {
  const pieces = options.pieceBytes === undefined ? [] : ["--piece-bytes", String(options.pieceBytes)];
  const manager = await ground.darner("cluster-manager", pieces);
  const daemon = await ground.darner("daemon", ["--manager", `http://127.0.0.1:${manager.port}`]);
  await hostGets(ground, daemon, url);
  return { manager, daemon };
}

export const receive: Row = {
  name: "receive",
  help: "CPU to receive, hash (SHA-256) and store the object: a daemon with dfget from a seed, and dfget alone from nginx, beside aria2 without a hash and one pass of openssl dgst; bar 0.7 x",
  needs: [needs.nginx, needs.aria2, needs.openssl],
  async run(ground, options) {
    const { sizeBytes } = options;
    ground.serve("a.bin", sizeBytes);
    const nginx = await ground.nginx();
    const url = `http://127.0.0.1:${nginx.port}/a.bin`;
    const { daemon } = await cluster(ground, url, options);
    const series = new Series();
    const aria2 = ["aria2c", "-q", "--file-allocation=none", "--allow-overwrite=true", "-o", "aria2.out", url];
    for (let run = 0; run < options.runs; run++) {
      series.add("aria2CpuSecondsPerGb", perGb((await ground.time([...aria2])).cpuSeconds, sizeBytes));
      series.add("aria2x4CpuSecondsPerGb", perGb((await ground.time([...aria2, "-x4", "-s4"])).cpuSeconds, sizeBytes));
      const hash = await ground.time(["openssl", "dgst", "-sha256", "aria2.out"]);
      series.add("opensslCpuSecondsPerGb", perGb(hash.cpuSeconds, sizeBytes));
      ground.remove("aria2.out");
      const alone = await ground.time([`${root}/bin/dfget`, "-q", "-O", "alone.out", url]);
      series.add("dfgetAloneCpuSecondsPerGb", perGb(alone.cpuSeconds, sizeBytes));
      ground.remove("alone.out");
      series.add("hostCpuSecondsPerGb", perGb(await hostGets(ground, daemon, url), sizeBytes));
    }
    const aria2Best = Math.min(series.median("aria2CpuSecondsPerGb"), series.median("aria2x4CpuSecondsPerGb"));
    const rival = aria2Best + series.median("opensslCpuSecondsPerGb");
    return series.result([
      { what: "host / (aria2 + openssl)", value: series.median("hostCpuSecondsPerGb") / rival, most: 0.7 },
      { what: "dfget alone / (aria2 + openssl)", value: series.median("dfgetAloneCpuSecondsPerGb") / rival, most: 0.7 },
    ]);
  },
};

export const midSwarm: Row = {
  name: "mid-swarm",
  help: "CPU of a host that gets one object and gives another to a reader at once, beside receiving and sending alone; bar 1 x their sum",
  needs: [needs.nginx],
  async run(ground, options) {
    const { sizeBytes } = options;
    ground.serve("a.bin", sizeBytes);
    ground.serve("kept.bin", sizeBytes);
    const nginx = await ground.nginx();
    const url = `http://127.0.0.1:${nginx.port}/a.bin`;
    const keptUrl = `http://127.0.0.1:${nginx.port}/kept.bin`;
    const { manager, daemon } = await cluster(ground, url, options);
    await ground.time([`${root}/bin/dfget`, "-q", "--socket", `${daemon.folder}/d.sock`, "-O", "kept.out", keptUrl]);
    const kept = await objectAt(manager.port, "kept.bin");
    const give = (): Promise<unknown> =>
      startReader({ from: "daemon", port: daemon.port, connections: 1, bytes: sizeBytes, sizeBytes, ...kept }).done;
    const series = new Series();
    for (let run = 0; run < options.runs; run++) {
      series.add("receiveCpuSecondsPerGb", perGb(await hostGets(ground, daemon, url), sizeBytes));
      const before = cpuSecondsOf(daemon.pid);
      await give();
      series.add("sendCpuSecondsPerGb", perGb(cpuSecondsOf(daemon.pid) - before, sizeBytes));
      const both = await hostGets(ground, daemon, url, async () => void (await give()));
      series.add("bothCpuSecondsPerGb", perGb(both, sizeBytes));
    }
    const sum = series.median("receiveCpuSecondsPerGb") + series.median("sendCpuSecondsPerGb");
    return series.result([
      { what: "both at once / (receive + send)", value: series.median("bothCpuSecondsPerGb") / sum, most: 1 },
    ]);
  },
};
