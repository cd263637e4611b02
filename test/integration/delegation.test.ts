/** A task that more hosts want than one manager serves: the owner sends hosts to the managers near them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inCluster, type Cluster, type Role } from "./cluster.ts";
import { ranked } from "./ranks.ts";

const sizeBytes = 3_000_000;
const hostsOfTask = async (manager: Role): Promise<number> => {
  const { tasks } = JSON.parse((await manager.get("/v1/tasks")).text) as { tasks: { hosts: number }[] };
  return tasks.reduce((hosts, task) => hosts + task.hosts, 0);
};

/** Of one machine, with addresses of their own, so that each has its own nearest manager. */
async function hostsNearEach(cluster: Cluster, config: Role, count: number): Promise<Role[]> {
  const names = Array.from({ length: count }, (_, index) => `h${index + 1}`);
  const flags = ["--config-service", config.url];
  return await Promise.all(
    names.map((name, index) =>
      cluster.daemon(name, undefined, [...flags, "--listen", "0.0.0.0:0", "--advertise", `127.0.0.${index + 2}`]),
    ),
  );
}

describe("a task that many want", { concurrency: false }, () => {
  test("goes to the managers near its hosts, leaves the origin once, and every host gets it", async () => {
    await inCluster(async (cluster) => {
      const config = await cluster.configService();
      const managers = await cluster.managers(3, config, ["--task-hosts-max", "2"]);
      const hosts = await hostsNearEach(cluster, config, 9);
      const url = cluster.serve("/hot", { body: { sizeBytes, seed: 1 }, rateBytesPerSecond: 1_500_000 });
      for (const [index, outcome] of (await cluster.toAll(hosts, url)).entries())
        cluster.assertIntact(outcome, `h${index + 1}.out`, "/hot");
      assert.ok(cluster.origin.bodyBytes("/hot") <= 1.01 * sizeBytes, "one copy left the origin");

      const [owner, ...helpers] = (await ranked(config, managers, url)) as [Role, ...Role[]];
      const sent = hosts.filter((host) => host.entries("task.delegated").length > 0);
      assert.equal(await owner.metric("darner_hosts_delegated"), sent.length);
      assert.ok(sent.length > 0, "the owner sent hosts away; that all nine are near it is 1 in 20,000");
      const helping = helpers.filter((helper) => helper.entries("task.borrowed").length > 0);
      const helped = await Promise.all(helping.map(hostsOfTask));
      assert.equal(
        helped.reduce((sum, count) => sum + count, 0),
        sent.length,
      );
      for (const helper of helpers) assert.equal(await helper.metric("darner_origin_bytes"), 0, "it asked no origin");
    });
  });
});
