/**
 * Several managers as one: each object has one owner, who alone asks the origin; when an owner dies the
 * next in rank goes on with what the swarm holds. Real processes, with tickets and signatures.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ownerOfTask, type ManagerEntry } from "#core/placement/mod.ts";
import { taskIdOf } from "#transfer/mod.ts";
import { inCluster, type Role } from "./cluster.ts";

const taskOf = (url: string): string => taskIdOf({ url, headers: {}, filterQuery: [], tag: "" });

/** In the order of their right to the object. */
async function ranked(config: Role, managers: readonly Role[], url: string): Promise<Role[]> {
  const list = JSON.parse((await config.get("/v1/managers")).text) as { managers: ManagerEntry[] };
  return ownerOfTask(taskOf(url), list.managers).map(({ id }) => managers.find((manager) => manager.id === id)!);
}

describe("many managers", { concurrency: 1 }, () => {
  test("each object is asked of its owner by every host, and once of the origin", async () => {
    await inCluster(async (cluster) => {
      const config = await cluster.configService();
      const managers = await cluster.managers(3, config);
      const hosts = await Promise.all(
        ["h1", "h2", "h3"].map((name) => cluster.daemon(name, undefined, ["--config-service", config.url])),
      );
      const paths = Array.from({ length: 6 }, (_, index) => `/object-${index}`);
      await Promise.all(
        paths.map(async (path, seed) => {
          const url = cluster.serve(path, { body: { sizeBytes: 700_000, seed } });
          const got = await Promise.all(
            hosts.map((host) => cluster.dfget(host, url, `${host.name}${path.slice(1)}`).outcome),
          );
          for (const [index, outcome] of got.entries()) {
            cluster.assertIntact(outcome, `h${index + 1}${path.slice(1)}`, path);
          }
        }),
      );
      for (const path of paths) {
        assert.equal(cluster.origin.requestsOf(path).length, 1, `${path} was asked for once`);
        const url = cluster.origin.url(path);
        for (const [rank, manager] of (await ranked(config, managers, url)).entries()) {
          const knows = (await manager.get("/v1/tasks")).text.includes(taskOf(url));
          assert.equal(knows, rank === 0, `only the owner of ${path} has it`);
        }
      }
    });
  });
});
