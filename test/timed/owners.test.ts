/** When the owner of an object is killed: how long the next takes, and what it asks the origin for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inCluster, until, type Role } from "../integration/cluster.ts";
import { ranked, taskOf } from "../integration/ranks.ts";

test(
  "the owner is killed at half: all twelve finish, the next in rank asks the origin for what nobody holds",
  { timeout: 200_000 },
  async (t) => {
    await inCluster(async (cluster) => {
      const config = await cluster.configService();
      const managers = await cluster.managers(2, config, ["--upload-rate", "6MB"]);
      const flags = ["--config-service", config.url, "--upload-rate", "3MB", "--download-rate", "3MB"];
      const names = Array.from({ length: 12 }, (_, index) => `h${index + 1}`);
      const hosts: Role[] = [];
      for (const name of names) hosts.push(await cluster.daemon(name, undefined, flags));
      const sizeBytes = 16_000_000;
      const served = (path: string, seed: number): string =>
        cluster.serve(path, { body: { sizeBytes, seed }, rateBytesPerSecond: 1_000_000 });
      const calm = await cluster.toAll(hosts, served("/calm", 1));
      for (const [index, outcome] of calm.entries()) cluster.assertIntact(outcome, `h${index + 1}.out`, "/calm");
      const calmMs = Math.max(...calm.map(({ ms }) => ms));

      const url = served("/data", 2);
      const [owner, next] = ranked(managers, url) as [Role, Role];
      const running = hosts.map((host) => cluster.dfget(host, url, `${host.name}.again`));
      await until(() => cluster.origin.bodyBytes("/data") > sizeBytes / 2, "half of it left the origin");
      await owner.end("SIGKILL");
      const killedMs = performance.now();
      await next.logged("task.taken-over");
      const takenOverMs = performance.now() - killedMs;
      await next.until(async () => (await hostsOf(next, url)) === hosts.length, "every host is served by it");
      const servedMs = performance.now() - killedMs;
      const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
      for (const [index, outcome] of outcomes.entries()) cluster.assertIntact(outcome, `h${index + 1}.again`, "/data");
      const makespan = Math.max(...outcomes.map(({ ms }) => ms)) / calmMs;
      const copies = cluster.origin.bodyBytes("/data") / sizeBytes;
      const lost = next.entries("takeover.pieces-lost");
      const requests = cluster.origin.requestsOf("/data").map(({ headers, bodyBytes }) => [headers.range, bodyBytes]);
      t.diagnostic(JSON.stringify({ makespan, calmMs, copies, takenOverMs, servedMs, lost, requests }));
      assert.ok(takenOverMs < 3000, `rebuilt after ${takenOverMs} ms`);
      assert.ok(servedMs < 2000, `every host served after ${servedMs} ms`);
      assert.ok(makespan <= 1.25, `${makespan} x undisturbed`);
      assert.ok(copies <= 1.05, `${copies} copies`);
    });
  },
);

async function hostsOf(manager: Role, url: string): Promise<number | undefined> {
  const { tasks } = JSON.parse((await manager.get("/v1/tasks")).text) as { tasks: { task: string; hosts: number }[] };
  return tasks.find(({ task }) => task === taskOf(url))?.hosts;
}
