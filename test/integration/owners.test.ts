/** Several managers as one: each object has one owner, who alone asks the origin. Real processes. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inCluster, until, type Role } from "./cluster.ts";
import { ownedEvenly, ranked, taskOf } from "./ranks.ts";

describe("many managers", () => {
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
          // For whoever comes late, too.
          const headers = { "cache-control": "max-age=600" };
          const url = cluster.serve(path, { body: { sizeBytes: 700_000, seed }, headers });
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
        for (const [rank, manager] of ranked(managers, url).entries()) {
          const knows = (await manager.get("/v1/tasks")).text.includes(taskOf(url));
          assert.equal(knows, rank === 0, `only the owner of ${path} has it`);
        }
      }
    });
  });

  test("a manager that becomes the owner gets the object from the one that was, not from the origin", async () => {
    await inCluster(async (cluster) => {
      const config = await cluster.configService();
      const [first] = await cluster.managers(1, config);
      const flags = ["--config-service", config.url];
      const early = await cluster.daemon("h1", undefined, flags);
      const second = cluster.role("m2", "cluster-manager", flags);
      const paths = ownedEvenly([first!, second], 3, cluster.origin.url("")).map((url) => new URL(url).pathname);
      const urls = paths.map((path, seed) => cluster.serve(path, { body: { sizeBytes: 700_000, seed } }));
      const toAll = async (host: Role, suffix: string): Promise<void> => {
        const got = await Promise.all(urls.map((url, at) => cluster.dfget(host, url, `${at}.${suffix}`).outcome));
        for (const [at, outcome] of got.entries()) cluster.assertIntact(outcome, `${at}.${suffix}`, paths[at]!);
      };
      await toAll(early, "early");

      await second.start();
      const listed = async (): Promise<number> =>
        (JSON.parse((await config.get("/v1/managers")).text) as { managers: unknown[] }).managers.length;
      await config.until(async () => (await listed()) === 2, "the second is listed");
      await toAll(await cluster.daemon("h2", undefined, flags), "late");
      assert.equal((await second.logged("task.borrowed", 3)).length, 3, "half of them have moved");
      for (const path of paths) {
        assert.equal(cluster.origin.bodyBytes(path), 700_000, `${path} left the origin once`);
      }
    });
  });

  test("an owner that is killed at half and starts again gets the rest from its successor, not from the origin", async () => {
    await inCluster(async (cluster) => {
      const config = await cluster.configService();
      const managers = await cluster.managers(2, config);
      const flags = ["--config-service", config.url];
      const early = await cluster.daemon("h1", undefined, flags);
      const sizeBytes = 4_000_000;
      const url = cluster.serve("/data", { body: { sizeBytes, seed: 1 }, rateBytesPerSecond: 1_000_000 });
      const [owner, next] = ranked(managers, url) as [Role, Role];
      const { outcome } = cluster.dfget(early, url, "early");
      await until(() => cluster.origin.bodyBytes("/data") > sizeBytes / 2, "half of it left the origin");
      await owner.end("SIGKILL");
      cluster.assertIntact(await outcome, "early", "/data");
      await next.logged("task.whole");
      const before = cluster.origin.bodyBytes("/data");

      const again = await cluster.manager(owner.name, flags);
      const late = await cluster.daemon("h2", undefined, flags);
      cluster.assertIntact(await cluster.dfget(late, url, "late").outcome, "late", "/data");
      assert.equal((await again.logged("task.borrowed")).length, 1, "the owner was asked, and asked its successor");
      assert.equal(cluster.origin.bodyBytes("/data"), before, "nothing more left the origin");
    });
  });
});
