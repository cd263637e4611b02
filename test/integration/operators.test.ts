/** What an operator does with several managers: sees machines, asks why, takes one out without harm. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { inCluster, until, type Role } from "./cluster.ts";
import { ranked, taskOf } from "./ranks.ts";

const darner = join(dirname(dirname(import.meta.dirname)), "bin/darner");
const sizeBytes = 6_000_000;

async function run(config: Role, ...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(darner, [...words, "--config-service", config.url]);
  return stdout;
}

test("a manager and a host are drained in the middle: no download breaks, and the operator sees why it took long", async () => {
  await inCluster(async (cluster) => {
    const config = await cluster.configService();
    const managers = await cluster.managers(2, config);
    const hosts: Role[] = [];
    for (const name of ["h1", "h2", "h3", "h4"]) {
      const site = name === "h3" || name === "h4" ? ["--site", "far"] : [];
      const flags = ["--config-service", config.url, "--upload-rate", "4MB", ...site];
      hosts.push(await cluster.daemon(name, undefined, flags));
    }
    const url = cluster.serve("/data", { body: { sizeBytes, seed: 1 }, rateBytesPerSecond: 1_500_000 });
    const [owner, next] = ranked(managers, url) as [Role, Role];
    const running = hosts.map((host) => cluster.dfget(host, url, `${host.name}.out`));
    await until(() => cluster.origin.bodyBytes("/data") > sizeBytes / 4, "it runs");

    assert.match(await run(config, "host", "list"), new RegExp(`^${hosts[0]!.id} .* up$`, "m"));
    assert.match(await run(config, "host", "drain", hosts[0]!.id), /feeds nobody any more/);
    assert.match(await run(config, "host", "list"), new RegExp(`^${hosts[0]!.id} .* draining$`, "m"));
    assert.match(await run(config, "manager", "drain", owner.id), /takes no new task/);
    assert.match(await run(config, "manager", "list"), new RegExp(`^${owner.id} .* draining `, "m"));

    const later = cluster.serve("/later", { body: { sizeBytes: 500_000, seed: 2 } });
    cluster.assertIntact(await cluster.dfget(hosts[1], later, "later.out").outcome, "later.out", "/later");
    assert.match((await next.get("/v1/tasks")).text, new RegExp(taskOf(later)), "new tasks come to the other");

    for (const [index, dfget] of running.entries()) {
      cluster.assertIntact(await dfget.outcome, `h${index + 1}.out`, "/data");
    }
    assert.equal(cluster.origin.bodyBytes("/data"), sizeBytes);
    let explained = "";
    await until(
      async () => {
        explained = await run(config, "task", "explain", taskOf(url).slice(0, 12));
        return [...explained.matchAll(/^\S+ +(-|far) +6\.00 MB +done /gm)].length === 4;
      },
      () => `all four have told their manager that they are done: ${explained}`,
    );
    assert.match(explained, /^copies {3}origin 1\.00, manager \d\.\d\d, peers \d\.\d\d$/m, explained);
    assert.match(explained, /^why {6}the origin was the limit: \d\S* [MK]?B\/s/m, explained);
    assert.match(explained, /^site {5}far: 1\.\d\d copies in, 2 of 2 hosts done, the last after \d/m, explained);
    const asJson = await run(config, "task", "explain", taskOf(url), "--json");
    const [told] = JSON.parse(asJson) as { sites: { site: string; copiesIn: number }[] }[];
    const far = told!.sites.find(({ site }) => site === "far")!;
    assert.ok(far.copiesIn >= 1 && far.copiesIn < 1.1, asJson);
    assert.match(await run(config, "manager", "drain", owner.id, "--undo"), /takes new tasks again/);
  });
});
