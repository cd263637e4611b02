/** Sensitive objects: sealed between hosts and at rest, clear in their users' hands alone. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { contentOf, type ObjectScript } from "../origin/mod.ts";
import { inCluster, until, type Cluster, type Role } from "./cluster.ts";
import { ownedEvenly, ranked } from "./ranks.ts";

const sizeBytes = 3_000_000;
const object: ObjectScript = { body: { sizeBytes, seed: 77 }, etag: '"one"' };
const content = contentOf(object, 1).read(0, sizeBytes);
/** Enough to know the object by, from all over it. */
const needles = Array.from({ length: 40 }, (_, number) => {
  const at = Math.floor((number * (sizeBytes - 64)) / 39);
  return Buffer.from(content.subarray(at, at + 32));
});
const credential = ["-H", "Authorization: Bearer letmein"];
const shortPieces = ["--piece-bytes", "64K"];

/** No file of a role has a run of the clear object, and each keeps the object. */
function assertNoClearByte(roles: readonly Role[]): void {
  for (const role of roles) {
    let keptBytes = 0;
    for (const name of fs.readdirSync(role.dataDirectory, { recursive: true, encoding: "utf8" })) {
      const file = join(role.dataDirectory, name);
      if (!fs.lstatSync(file).isFile()) continue;
      const bytes = fs.readFileSync(file);
      if (name.endsWith("content")) keptBytes += bytes.length;
      for (const needle of needles) assert.ok(!bytes.includes(needle), `${file} has clear bytes`);
    }
    assert.ok(keptBytes > sizeBytes, `${role.name} keeps ${keptBytes} bytes`);
  }
}

/** `GET /v1/object` on the daemon's socket, marked sensitive. */
async function overHttp(host: Role, url: string, range: string | undefined) {
  const headers = { "darner-sensitive": "true", ...(range === undefined ? {} : { range }) };
  const path = `/v1/object?url=${encodeURIComponent(url)}`;
  const request = http.get({ socketPath: host.socketPath, path, headers, agent: false, timeout: 10_000 });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const bytes = Buffer.concat(await response.toArray());
  return { headers: response.headers, bytes };
}

async function twoHosts(cluster: Cluster, flags: readonly string[] = []): Promise<[Role, Role, Role]> {
  const manager = await cluster.manager("manager", [...shortPieces, ...flags]);
  const [first, second] = await cluster.daemons(2, manager);
  return [manager, first!, second!];
}

describe("a sensitive object", () => {
  for (const [how, flags, path] of [
    ["marked by its user", ["--sensitive"], "/marked"],
    ["fetched with a credential", credential, "/private"],
  ] as const) {
    test(`${how}: every host gets it, once from the origin, and no clear byte lies in a cache`, () =>
      inCluster(async (cluster) => {
        const manager = await cluster.manager("manager", shortPieces);
        const hosts = await cluster.daemons(3, manager);
        const outcomes = await cluster.toAll(hosts, cluster.serve(path, object), [...flags, "--explain"]);
        for (const [index, outcome] of outcomes.entries()) cluster.assertIntact(outcome, `h${index + 1}.out`, path);
        assert.equal(cluster.origin.bodyBytes(path), sizeBytes);
        assertNoClearByte([manager, ...hosts]);
        assert.match(outcomes[0]!.stderr, /opened out of the sealed copy/);
      }));
  }

  test("is written no more into the output of a client that was killed, and asks for another", () =>
    inCluster(async (cluster) => {
      const host = await cluster.daemon("h1", await cluster.manager("manager", shortPieces));
      const url = cluster.serve("/slow", { ...object, rateBytesPerSecond: 1_500_000 });
      const killed = cluster.dfget(host, url, "out", ["--sensitive"]);
      const other = cluster.dfget(host, url, "other", ["--sensitive"]);
      await until(() => cluster.origin.bodyBytes("/slow") > 0.3 * sizeBytes, "it runs");
      killed.child.kill("SIGKILL");
      await killed.outcome;
      const another = cluster.serve("/another", { body: { sizeBytes: 2_500_000, seed: 78 } });
      const outcome = await cluster.dfget(host, another, "out").outcome;
      cluster.assertIntact(await other.outcome, "other", "/slow");
      cluster.assertIntact(outcome, "out", "/another");
    }));

  test("is read as a stream, in parts and over HTTP, clear", () =>
    inCluster(async (cluster) => {
      const [manager, first, second] = await twoHosts(cluster);
      const url = cluster.serve("/read", object);
      const streamed = await cluster.dfget(first, url, "-", ["--sensitive"]).outcome;
      assert.ok(Buffer.from(streamed.stdout, "latin1").equals(Buffer.from(content)), streamed.stderr);
      const part = await cluster.dfget(second, url, "part", ["--sensitive", "--range", "65500-200000"]).outcome;
      assert.equal(part.status, 0, part.stderr);
      assert.ok(fs.readFileSync(cluster.path("part")).equals(Buffer.from(content.subarray(65_500, 200_001))));
      for (const [range, start, end] of [
        [undefined, 0, sizeBytes],
        ["bytes=131000-131100", 131_000, 131_101],
      ] as const) {
        const { headers, bytes } = await overHttp(second, url, range);
        assert.equal(headers["content-length"], String(end - start));
        assert.ok(bytes.equals(Buffer.from(content.subarray(start, end))), `${range} over HTTP`);
      }
      assert.equal(cluster.origin.bodyBytes("/read"), sizeBytes);
      assertNoClearByte([manager, first]);
    }));

  test("is what a rule on its host says is one, a small one too", () =>
    inCluster(async (cluster) => {
      const manager = await cluster.manager("manager", shortPieces);
      const host = await cluster.daemon("h1", manager, ["--sensitive-urls", "*/models/*,other.example/*"]);
      const small = { ...object, body: content.subarray(0, 5000) };
      const list = ["/models/big", "/models/small", "/free/big"].map((path) =>
        cluster.serve(path, path === "/models/small" ? small : object),
      );
      for (const [at, url] of list.entries()) {
        const outcome = await cluster.dfget(host, `${url}?signature=x`, `out${at}`).outcome;
        assert.equal(outcome.status, 0, outcome.stderr);
      }
      const { tasks } = JSON.parse((await manager.get("/v1/tasks")).text) as {
        tasks: { url: string; sealed: boolean }[];
      };
      const sealed = Object.fromEntries(tasks.map((task) => [new URL(task.url).pathname, task.sealed]));
      assert.deepEqual(sealed, { "/models/big": true, "/models/small": true, "/free/big": false });
    }));

  test("after kill -9 of the daemon goes on with the sealed pieces that are here: the key is asked for again", () =>
    inCluster(async (cluster) => {
      const [manager, host] = await twoHosts(cluster, ["--upload-rate", "1MB"]);
      const url = cluster.serve("/resumed", object);
      const cut = cluster.dfget(host, url, "cut", ["--sensitive"]);
      const kept = (): string[] =>
        fs
          .readdirSync(host.dataDirectory, { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith("journal"))
          .filter((name) => fs.statSync(join(host.dataDirectory, name)).size > 900);
      await until(() => kept().length > 0, "the journal tells of two dozen pieces");
      await host.end("SIGKILL");
      cut.child.kill("SIGKILL");
      await cut.outcome;
      const sentBefore = await manager.metric("darner_upload_bytes");
      await host.start();
      cluster.assertIntact(await cluster.dfget(host, url, "again", ["--sensitive"]).outcome, "again", "/resumed");
      const sent = (await manager.metric("darner_upload_bytes")) - sentBefore;
      assert.ok(sent < 0.9 * sizeBytes, `${sent} bytes were sent again`);
      assert.equal(cluster.origin.bodyBytes("/resumed"), sizeBytes);
      assertNoClearByte([manager, host]);
    }));

  test("outlives its manager: one that starts again gets key and pieces from the hosts that have them", () =>
    inCluster(async (cluster) => {
      const [manager, first, second] = await twoHosts(cluster);
      const url = cluster.serve("/outlives", object);
      cluster.assertIntact(await cluster.dfget(first, url, "one", credential).outcome, "one", "/outlives");
      await manager.end("SIGKILL");
      await manager.start();
      await manager.logged("task.whole", 2);
      assert.match(JSON.stringify(await manager.logged("task.dropped")), /its key went with the run that made it/);
      assert.equal((await manager.logged("task.taken-over")).length, 1);
      cluster.assertIntact(await cluster.dfget(second, url, "two", credential).outcome, "two", "/outlives");
      assert.equal(cluster.origin.bodyBytes("/outlives"), sizeBytes, "and nothing from the origin");
      assertNoClearByte([manager, first, second]);
    }));

  test("whose key nobody has any more is fetched anew", () =>
    inCluster(async (cluster) => {
      const [manager, host] = await twoHosts(cluster);
      const url = cluster.serve("/lost", object);
      cluster.assertIntact(await cluster.dfget(host, url, "one", credential).outcome, "one", "/lost");
      await Promise.all([manager.end("SIGKILL"), host.end("SIGKILL")]);
      await manager.start();
      await host.start();
      cluster.assertIntact(await cluster.dfget(host, url, "two", credential).outcome, "two", "/lost");
      assert.equal(cluster.origin.bodyBytes("/lost"), 2 * sizeBytes);
      assertNoClearByte([manager, host]);
    }));

  test("is given clear to who needs no credential for it, where he asks by its digest", () =>
    inCluster(async (cluster) => {
      const [manager, first, second] = await twoHosts(cluster);
      const closed = { ...object, needsHeader: { name: "authorization", value: "Bearer letmein" } };
      const [url, open] = [cluster.serve("/closed", closed), cluster.serve("/open", object)];
      const digest = ["--digest", `sha256:${cluster.digest("/closed")}`];
      const private_ = await cluster.dfget(first, url, "one", [...digest, ...credential]).outcome;
      cluster.assertIntact(private_, "one", "/closed");
      cluster.assertIntact(await cluster.dfget(second, open, "two", digest).outcome, "two", "/open");
      assertNoClearByte([manager, first, second]);
    }));

  test("with --trust off is not shared at all, and lies sealed all the same", () =>
    inCluster(async (cluster) => {
      const off = ["--trust", "off"];
      const manager = await cluster.manager("manager", off);
      const hosts = await cluster.daemons(2, manager, off);
      const url = cluster.serve("/unshared", object);
      for (const host of hosts) {
        const outcome = await cluster.dfget(host, url, `${host.name}.out`, ["--sensitive", "--explain"]).outcome;
        cluster.assertIntact(outcome, `${host.name}.out`, "/unshared");
        assert.match(outcome.stderr, /not shared: with --trust off/);
      }
      assert.equal(cluster.origin.bodyBytes("/unshared"), 2 * sizeBytes);
      assert.equal(await manager.metric("darner_upload_bytes"), 0);
      assertNoClearByte(hosts);
    }));

  test("longer than its host's cache is taken in while it is held, and no longer", () =>
    inCluster(async (cluster) => {
      const manager = await cluster.manager();
      const host = await cluster.daemon("h1", manager, ["--cache-quota", "64MiB"]);
      for (const name of ["long", "longer"]) {
        const url = cluster.serve(`/${name}`, { body: { sizeBytes: 80_000_000, seed: name.length } });
        cluster.assertIntact(await cluster.dfget(host, url, name, credential).outcome, name, `/${name}`);
        assert.equal(cluster.origin.requestsOf(`/${name}`).length, 1, "through the cluster, and not around it");
      }
      const url = cluster.serve("/short", { body: { sizeBytes: 20_000_000, seed: 3 } });
      cluster.assertIntact(await cluster.dfget(host, url, "short", credential).outcome, "short", "/short");
      const kept = fs
        .readdirSync(host.dataDirectory, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith("content"))
        .reduce((sum, name) => sum + fs.statSync(join(host.dataDirectory, name)).size, 0);
      assert.ok(kept < 64 * 2 ** 20, `${kept} bytes are kept`);
    }));

  test("needs room in its host's cache: what is only kept for peers goes for it", () =>
    inCluster(async (cluster) => {
      const manager = await cluster.manager();
      const host = await cluster.daemon("h1", manager, ["--cache-quota", "64MiB"]);
      for (const name of ["one", "two", "three", "four"]) {
        const url = cluster.serve(`/${name}`, { body: { sizeBytes: 20_000_000, seed: name.length } });
        cluster.assertIntact(await cluster.dfget(host, url, name, ["--sensitive"]).outcome, name, `/${name}`);
        assert.equal(cluster.origin.requestsOf(`/${name}`).length, 1, "through the cluster, and not around it");
      }
      assert.ok((await manager.metric("darner_upload_bytes")) > 80_000_000);
    }));

  test("goes on with the next manager when its own dies: hosts give it the key with the manifest", () =>
    inCluster(async (cluster) => {
      const config = await cluster.configService();
      const managers = await cluster.managers(2, config);
      const from = ["--config-service", config.url];
      const [first, second] = await Promise.all(["h1", "h2"].map((name) => cluster.daemon(name, undefined, from)));
      const url = cluster.serve("/next", object);
      cluster.assertIntact(await cluster.dfget(first, url, "one", credential).outcome, "one", "/next");
      const [owner, next] = ranked(managers, url, { authorization: "Bearer letmein" }) as [Role, Role];
      await owner.logged("task.whole");
      await owner.end("SIGKILL");
      await next.logged("task.whole");
      cluster.assertIntact(await cluster.dfget(second, url, "two", credential).outcome, "two", "/next");
      assert.equal((await next.logged("task.taken-over")).length, 1);
      assert.equal(cluster.origin.bodyBytes("/next"), sizeBytes, "it left the origin once");
      assertNoClearByte([next, first!, second!]);
    }));

  test("is borrowed by a manager that becomes its owner, with its key", () =>
    inCluster(async (cluster) => {
      const config = await cluster.configService();
      const [first] = await cluster.managers(1, config);
      const from = ["--config-service", config.url];
      const early = await cluster.daemon("h1", undefined, from);
      const second = cluster.role("m2", "cluster-manager", from);
      const owned = ownedEvenly([first!, second], 2, cluster.origin.url(""), { authorization: "Bearer letmein" });
      const paths = owned.map((url) => new URL(url).pathname);
      const all = async (host: Role): Promise<void> => {
        for (const path of paths) {
          const outcome = await cluster.dfget(host, cluster.serve(path, object), "got", credential).outcome;
          cluster.assertIntact(outcome, "got", path);
        }
      };
      await all(early);
      await second.start();
      const listed = async (): Promise<boolean> => (await config.get("/v1/managers")).text.includes(second.id);
      await config.until(listed, "the second is listed");
      const late = await cluster.daemon("h2", undefined, from);
      await all(late);
      assert.equal((await second.logged("task.borrowed", 2)).length, 2, "half of them have moved");
      for (const path of paths) assert.equal(cluster.origin.bodyBytes(path), sizeBytes, `${path} left the origin once`);
      assertNoClearByte([first!, second, early, late]);
    }));
});
