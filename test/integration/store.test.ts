/** `darner store`: an operator looks through what a stopped manager keeps, and is sent away from a running one. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { test } from "node:test";
import { errorTable } from "#base/mod.ts";
import { inCluster } from "./cluster.ts";

const sizeBytes = 3_000_000;
const program = new URL("../../src/main.ts", import.meta.url).pathname;

test("a spoiled piece is found, dropped, and fetched again; gc tells and makes room", async () => {
  await inCluster(async (cluster) => {
    const url = cluster.serve("/data", { body: { sizeBytes, seed: 40 }, headers: { "cache-control": "max-age=600" } });
    const manager = await cluster.manager();
    const first = await cluster.daemon("h1", manager);
    cluster.assertIntact(await cluster.dfget(first, url, "one").outcome, "one", "/data");
    await first.end();
    const store = (...words: string[]) => {
      const flags = [program, "store", ...words, "--data-dir", manager.dataDirectory];
      const { status, stdout, stderr } = spawnSync(process.execPath, flags, { encoding: "utf8" });
      return { status, text: stdout + stderr };
    };

    const refused = store("verify");
    assert.equal(refused.status, errorTable["store.locked"].exit, refused.text);
    assert.match(refused.text, /process \d+ uses it; stop it first/);
    await manager.end();
    assert.match(store("verify").text, /checked 1 object, 3\.00 MB: all good/);

    const tasks = `${manager.dataDirectory}/cluster-manager/tasks`;
    const [content] = fs.globSync(`${tasks}/*/*/content`);
    const file = fs.openSync(content!, "r+");
    fs.writeSync(file, "rotten", 1_000_000);
    fs.closeSync(file);
    const dry = store("verify", "--dry-run");
    assert.deepEqual([dry.status, /1 piece spoiled.*without --dry-run/s.test(dry.text)], [1, true], dry.text);
    assert.match(store("verify").text, /1 piece spoiled.*were dropped/s);
    assert.equal(store("verify").status, 0);

    await manager.start();
    const second = await cluster.daemon("h2", manager);
    cluster.assertIntact(await cluster.dfget(second, url, "two").outcome, "two", "/data");
    const again = cluster.origin.bodyBytes("/data") - sizeBytes;
    assert.ok(again > 0 && again < sizeBytes / 4, `only what was spoiled comes again: ${again} bytes`);
    await second.end();
    await manager.end();

    assert.match(store("gc").text, /removed 0 folders/);
    assert.match(store("gc", "--all", "--dry-run").text, /3\.00 MB .*above the quota\nwould remove 1 folder, 3\.00 MB/);
    assert.match(store("gc", "--all").text, /removed 1 folder/);
    assert.deepEqual(fs.readdirSync(tasks), []);
  });
});
