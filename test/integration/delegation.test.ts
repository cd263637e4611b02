/** A task that more hosts want than one manager serves: the owner sends hosts to the managers near them. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NearestManagers, type ManagerEntry } from "#core/placement/mod.ts";
import { inCluster, until, type Cluster, type Role } from "./cluster.ts";
import { ranked } from "./ranks.ts";

const sizeBytes = 3_000_000;
/** Hosts of one task that each manager serves before it sends others away. */
const served = ["--task-hosts-max", "2"];

async function hostsOfTask(manager: Role): Promise<number> {
  const { tasks } = JSON.parse((await manager.get("/v1/tasks")).text) as { tasks: { hosts: number }[] };
  return tasks.reduce((hosts, task) => hosts + task.hosts, 0);
}

/** Hosts `h1`, `h2` ... of this machine, each with an address to which the manager named for it is nearest. */
async function hostsNear(
  cluster: Cluster,
  config: Role,
  homes: readonly Role[],
  more: readonly string[] = [],
): Promise<Role[]> {
  const { managers } = JSON.parse((await config.get("/v1/managers")).text) as { managers: ManagerEntry[] };
  const nearest = new NearestManagers(managers, []);
  const free = Array.from({ length: 250 }, (_, index) => `127.0.0.${index + 2}`);
  const addresses = homes.map((home) => {
    const at = free.findIndex((address) => managers[nearest.order({ address }).places[0]!]!.id === home.id);
    assert.ok(at >= 0, `an address near ${home.name}`);
    return free.splice(at, 1)[0]!;
  });
  const flags = ["--config-service", config.url, "--listen", "0.0.0.0:0", ...more];
  return await Promise.all(
    addresses.map((address, index) => cluster.daemon(`h${index + 1}`, undefined, [...flags, "--advertise", address])),
  );
}

/** The owner is killed when half has left the origin. Returns what each of the others took of it. */
async function withoutOwner(homesOf: (order: readonly Role[]) => readonly Role[]): Promise<number[]> {
  let taken: number[] = [];
  await inCluster(async (cluster) => {
    const config = await cluster.configService();
    const managers = await cluster.managers(3, config, served);
    const url = cluster.serve("/hot", { body: { sizeBytes, seed: 2 }, rateBytesPerSecond: 500_000 });
    const order = ranked(managers, url);
    const hosts = await hostsNear(cluster, config, homesOf(order));
    const [owner, ...others] = order as [Role, ...Role[]];
    const running = hosts.map((host) => cluster.dfget(host, url, `${host.name}.out`));
    await until(() => cluster.origin.bodyBytes("/hot") > sizeBytes / 2, "half of it left the origin");
    await owner.end("SIGKILL");
    const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
    for (const [index, outcome] of outcomes.entries()) cluster.assertIntact(outcome, `h${index + 1}.out`, "/hot");
    assert.ok(cluster.origin.bodyBytes("/hot") <= 1.3 * sizeBytes, `${cluster.origin.bodyBytes("/hot")} bytes left it`);
    taken = await Promise.all(others.map((manager) => manager.metric("darner_origin_bytes")));
  });
  return taken;
}

describe("a task that many want", { concurrency: false }, () => {
  test("goes to the managers near its hosts, leaves the origin once, and every host gets it", async () => {
    await inCluster(async (cluster) => {
      const config = await cluster.configService();
      const managers = await cluster.managers(3, config, served);
      const url = cluster.serve("/hot", { body: { sizeBytes, seed: 1 }, rateBytesPerSecond: 1_500_000 });
      const [owner, one, other] = ranked(managers, url) as [Role, Role, Role];
      const hosts = await hostsNear(cluster, config, [owner, one, other, one, other, one, other]);
      for (const [index, outcome] of (await cluster.toAll(hosts, url)).entries())
        cluster.assertIntact(outcome, `h${index + 1}.out`, "/hot");
      assert.ok(cluster.origin.bodyBytes("/hot") <= 1.01 * sizeBytes, "one copy left the origin");

      const delegated = await owner.metric("darner_hosts_delegated");
      assert.ok(delegated === 0 || delegated === 1, "two stay, and who is at home with the owner");
      const sent = (): Role[] => hosts.filter((host) => host.entries("task.delegated").length > 0);
      await until(() => sent().length === 4 + delegated, "each of the others logs that it was sent to its helper");
      const helped = await Promise.all([one, other].map((helper) => helper.metric("darner_hosts_helped")));
      assert.deepEqual(helped, [2, 2], "each lets one of its three go on to the owner, its share of two among three");
      assert.equal((await hostsOfTask(one)) + (await hostsOfTask(other)), sent().length);
      for (const helper of [one, other]) assert.equal(await helper.metric("darner_origin_bytes"), 0);
    });
  });

  test("outlives its owner: one of those that help goes on at the origin, the other gets the rest from it", async () => {
    const taken = await withoutOwner(([, one, other]) => [one!, other!, one!, other!, one!, other!]);
    assert.equal(taken.filter((bytes) => bytes > 0).length, 1);
  });

  test("outlives its owner when the successor knew nothing of it, who then has it from the one that helped", async () => {
    const taken = await withoutOwner(([owner, , other]) => [owner!, owner!, other!, other!, other!]);
    assert.ok(taken.some((bytes) => bytes > 0));
  });

  test("while a long piece fills, the hosts of a helping manager hear that the origin is at work", async () => {
    await inCluster(async (cluster) => {
      const config = await cluster.configService();
      const managers = await cluster.managers(2, config, ["--task-hosts-max", "1", "--piece-bytes", "4MiB"]);
      const url = cluster.serve("/slow", { body: { sizeBytes, seed: 3 }, rateBytesPerSecond: 500_000 });
      const [owner, helper] = ranked(managers, url) as [Role, Role];
      const hosts = await hostsNear(cluster, config, [owner, helper, helper], ["--stall-timeout", "4s"]);
      for (const [index, outcome] of (await cluster.toAll(hosts, url)).entries())
        cluster.assertIntact(outcome, `h${index + 1}.out`, "/slow");
      await until(() => hosts.some((host) => host.entries("task.delegated").length > 0), "one is sent to its helper");
      assert.ok(cluster.origin.bodyBytes("/slow") <= 1.01 * sizeBytes, "nobody went to the origin himself");
    });
  });
});
