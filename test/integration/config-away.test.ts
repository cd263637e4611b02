/** The config service dies, comes back, and has no room to write, while hosts are at work: nobody of them notices. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { ask, inCluster, until } from "./cluster.ts";

test("the config service is killed in mid-run and comes back: no transfer fails, what it acknowledged is there", async () => {
  await inCluster(async (cluster) => {
    const config = await cluster.configService();
    await cluster.managers(2, config);
    const flags = ["--config-service", config.url];
    const [one, two] = [await cluster.daemon("h1", undefined, flags), await cluster.daemon("h2", undefined, flags)];
    const put = async (key: string, value: unknown): Promise<number> =>
      (await ask({ port: config.port }, `/v1/settings/${key}`, { value })).status;
    const settings = async (): Promise<Record<string, unknown>> =>
      (JSON.parse((await config.get("/v1/settings")).text) as { settings: Record<string, unknown> }).settings;

    const url = cluster.serve("/data", { body: { sizeBytes: 6_000_000, seed: 1 }, rateBytesPerSecond: 1_500_000 });
    const running = [one, two].map((host) => cluster.dfget(host, url, `${host.name}.out`));
    await until(() => cluster.origin.bodyBytes("/data") > 1_000_000, "it runs");
    assert.equal(await put("download-rate", "50MB"), 200);
    await config.end("SIGKILL");
    const later = cluster.serve("/later", { body: { sizeBytes: 500_000, seed: 2 } });
    cluster.assertIntact(await cluster.dfget(one, later, "later.out").outcome, "later.out", "/later");
    for (const dfget of running) cluster.assertIntact(await dfget.outcome, dfget.output, "/data");
    assert.equal(cluster.origin.bodyBytes("/data"), 6_000_000, "each byte left the origin once");

    await config.start();
    assert.equal((await settings())["download-rate"], "50MB");
    const names = async (): Promise<number> =>
      (JSON.parse((await config.get("/v1/managers")).text) as { managers: unknown[] }).managers.length;
    assert.equal(await names(), 2, "the managers that were listed are listed");

    // No file of it may grow any more: what a full disk does.
    cluster.expects("http.failed");
    execFileSync("prlimit", ["--pid", String(config.pid), "--fsize=0:0"]);
    const refused = await put("download-rate", "60MB");
    assert.ok(refused >= 500, `it does not acknowledge what it cannot keep: ${refused}`);
    assert.equal((await settings())["download-rate"], "50MB");
    const full = cluster.serve("/full", { body: { sizeBytes: 500_000, seed: 3 } });
    cluster.assertIntact(await cluster.dfget(two, full, "full.out").outcome, "full.out", "/full");
    await config.end("SIGKILL");
    await config.start();
    assert.equal((await settings())["download-rate"], "50MB", "nor did it keep half of it");
  });
});
