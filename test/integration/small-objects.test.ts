/** Lists of small objects through the daemon: many in one answer, and everything that is not so simple. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { errorTable } from "#base/mod.ts";
import { contentOf, type ObjectScript } from "../origin/mod.ts";
import { ask, Cluster, type Role } from "./cluster.ts";

const object = (sizeBytes: number, seed: number): ObjectScript => ({
  body: { sizeBytes, seed },
  lastModified: "Sat, 01 Nov 2025 10:00:00 GMT",
});
const bytesOf = (script: ObjectScript): Buffer => {
  const content = contentOf(script, 1);
  return content.read(0, content.sizeBytes);
};

describe("a list of small objects", () => {
  let cluster: Cluster;
  let manager: Role;
  let hosts: Role[];
  let made = 0;
  before(async () => {
    cluster = await Cluster.start();
    manager = await cluster.manager();
    hosts = await cluster.daemons(2, manager);
  });
  after(() => cluster.end());

  /** dfget -i of these lines into a folder of its own. */
  async function list(host: Role, lines: readonly string[], flags: readonly string[] = [], environment = {}) {
    const folder = cluster.path(`list${++made}`);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(`${folder}.txt`, lines.join("\n"));
    const all = ["-P", `list${made}`, "-i", `${folder}.txt`, ...flags];
    const outcome = await cluster.dfgetList(host, all, { environment }).outcome;
    return { outcome, folder, read: (name: string) => fs.readFileSync(`${folder}/${name}`) };
  }

  test("of every length come intact to two hosts at once, each asked of the origin once", async () => {
    const sizes = [0, 1, 10_000, 65_535, 65_536, 65_537, 300_000];
    // For the host that comes later, too.
    const headers = { "cache-control": "max-age=600" };
    const scripts = Array.from({ length: 140 }, (_, index) => ({
      ...object(sizes[index % sizes.length]!, index + 1),
      headers,
    }));
    const lines = scripts.map((script, index) => `${cluster.serve(`/many/${index}`, script)}\t${index}`);
    const lists = await Promise.all(hosts.map((host) => list(host, lines)));
    for (const { outcome, folder, read } of lists) {
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.match(outcome.stderr, /140 of 140 objects/);
      for (const [index, script] of scripts.entries())
        assert.ok(read(String(index)).equals(bytesOf(script)), `${index} is intact`);
      assert.deepEqual(
        fs.readdirSync(folder).filter((name) => name.startsWith(".")),
        [],
        "nothing lies beside them",
      );
      assert.equal(fs.statSync(`${folder}/1`).mtimeMs, Date.parse("Sat, 01 Nov 2025 10:00:00 GMT"));
    }
    for (const index of scripts.keys()) assert.equal(cluster.origin.requestsOf(`/many/${index}`).length, 1);
    assert.ok(hosts.every((host) => host.entries("role.started")[0]!["native"] !== undefined));
  });

  test("what is there is never written over, what was begun is finished, what fails is told alone", async () => {
    const scripts = Array.from({ length: 6 }, (_, index) => object(5_000, 1000 + index));
    const urls = scripts.map((script, index) => cluster.serve(`/some/${index}`, script));
    const folder = cluster.path(`list${made + 1}`);
    fs.mkdirSync(folder);
    fs.writeFileSync(`${folder}/0`, "mine");
    fs.symlinkSync("/nowhere", `${folder}/1`);
    fs.writeFileSync(`${folder}/.2.darner-part`, "begun by another run");
    const lines = [...urls.map((url, index) => `${url}\t${index}`), `${cluster.origin.url("/not-there")}\t6`];
    const { outcome, read } = await list(hosts[0]!, lines);
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.stderr, /4 of 7 objects/);
    assert.match(outcome.stderr, /cannot write \S+0: it exists[^]*|not-there/);
    assert.equal(read("0").toString(), "mine");
    assert.equal(fs.readlinkSync(`${folder}/1`), "/nowhere");
    for (const index of [2, 3, 4, 5]) assert.ok(read(String(index)).equals(bytesOf(scripts[index]!)));
    assert.deepEqual(
      fs.readdirSync(folder).filter((name) => name.startsWith(".")),
      [],
    );
  });

  test("a digest is proved, of every kind", async () => {
    const script = object(9_000, 77);
    const url = cluster.serve("/digest", script);
    const hex = (algorithm: string): string => createHash(algorithm).update(bytesOf(script)).digest("hex");
    const good = ["sha256", "sha512", "md5"].map((algorithm) => `${url}\t${algorithm}\t${algorithm}:${hex(algorithm)}`);
    const right = await list(hosts[0]!, good);
    assert.equal(right.outcome.status, 0, right.outcome.stderr);
    const bad = ["sha256", "md5"].map((kind) => `${url}?${kind}\t${kind}\t${kind}:${"0".repeat(hex(kind).length)}`);
    cluster.serve("/digest?sha256", script);
    const wrong = await list(hosts[0]!, bad);
    assert.equal(wrong.outcome.status, errorTable["digest.mismatch"].exit, wrong.outcome.stderr);
    assert.deepEqual(fs.readdirSync(wrong.folder), []);
  });

  test("a changed object is another one the next time", async () => {
    const script: ObjectScript = { body: { sizeBytes: 4_000, seed: 5 }, etag: '"one"' };
    const urls = [cluster.serve("/changes", script), cluster.serve("/stays", object(3_000, 6))];
    const lines = urls.map((url, index) => `${url}\t${index}`);
    assert.ok((await list(hosts[0]!, lines)).read("0").equals(bytesOf(script)));
    const newer: ObjectScript = { body: { sizeBytes: 4_100, seed: 55 }, etag: '"two"' };
    cluster.serve("/changes", newer);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.ok((await list(hosts[0]!, lines)).read("0").equals(bytesOf(newer)));
  });

  test("the daemon refuses what is no list of asks", async () => {
    const { status } = await ask({ socketPath: hosts[0]!.socketPath }, "/v1/small");
    assert.equal(status, 405);
  });
});
