/**
 * What a cluster does when somebody is gone or silent, and what the origin's moods look like to a host
 * behind a manager and a daemon: each failure with its own exit status, each odd object whole.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { errorTable, type ErrorCode } from "#base/mod.ts";
import type { ObjectScript } from "../origin/mod.ts";
import { Cluster, inCluster, until, type Outcome, type Role } from "./cluster.ts";

const sizeBytes = 8_000_000;
const soon = ["--origin-fallback-after", "1s"];
/** Where nothing listens: unlike a port that was free a moment ago it is given to no process meanwhile. */
const nobody = "http://127.0.0.1:1";

function assertFailed(outcome: Outcome, code: ErrorCode): void {
  assert.equal(outcome.status, errorTable[code].exit, `${code}: ${outcome.stderr}`);
  assert.match(outcome.stderr.trimEnd().split("\n").at(-1)!, /^dfget: cannot .*[;:,] /);
}

describe("somebody is gone", { concurrency: 2 }, () => {
  test("no manager can be reached: the origin after a while, or a clear word", async () => {
    await inCluster(async (cluster) => {
      const url = cluster.serve("/data", { body: { sizeBytes, seed: 1 } });
      const host = await cluster.role("h1", "daemon", ["--manager", nobody, ...soon]).start("/healthz");
      assert.equal((await host.get("/readyz")).status, 503);
      const alone = await cluster.dfget(host, url, "a").outcome;
      cluster.assertIntact(alone, "a", "/data");
      // Without --explain: it took long, and the next one will.
      assert.match(alone.stderr, /from the origin: no manager .* \(http:.*nothing listens there/);
      assert.ok(alone.ms < 9000, `${alone.ms} ms`);
      const dead = await cluster.dfget(host, `${nobody}/x`, "c", ["-t", "2"]).outcome;
      assertFailed(dead, "network.refused");
      assert.match(
        dead.stderr,
        /nothing listens there; trying again in \d/,
        "a wait that nobody explains looks like a hang",
      );
      const forbidden = await cluster.dfget(host, `${url}?2`, "b", ["--no-back-to-source"]).outcome;
      assertFailed(forbidden, "cluster.unreachable");
      assert.ok(forbidden.ms < 9000, `${forbidden.ms} ms`);
    });
  });

  for (const mayGoAlone of [true, false]) {
    test(`the manager goes in the middle, the origin is ${mayGoAlone ? "" : "not "}allowed`, async () => {
      await inCluster(async (cluster) => {
        const gone = Promise.withResolvers<void>();
        const held = { afterBytes: 0.6 * sizeBytes, until: gone.promise };
        const url = cluster.serve("/data", { body: { sizeBytes, seed: 2 }, rateBytesPerSecond: 8_000_000, held });
        const manager = await cluster.manager();
        const hosts = await cluster.daemons(2, manager, soon);
        const flags = mayGoAlone ? [] : ["--no-back-to-source"];
        const running = hosts.map((host) => cluster.dfget(host, url, `${host.name}.out`, flags));
        await until(() => cluster.origin.bodyBytes("/data") > 0.5 * sizeBytes, "it runs");
        const came = (host: Role): Promise<number> => host.metric("darner_limited_bytes", 'limit="download"');
        for (const host of hosts)
          await host.until(async () => (await came(host)) > 0.25 * sizeBytes, "it gets its share");
        await manager.end("SIGKILL");
        const sent = cluster.origin.bodyBytes("/data");
        gone.resolve();
        for (const dfget of running) {
          const outcome = await dfget.outcome;
          if (mayGoAlone) cluster.assertIntact(outcome, dfget.output, "/data");
          else assertFailed(outcome, "cluster.unreachable");
          assert.ok(outcome.ms < 20_000, `${outcome.ms} ms`);
        }
        const again = cluster.origin.bodyBytes("/data") - sent;
        assert.ok(again <= (mayGoAlone ? 2 * 0.75 * sizeBytes : 200_000), `${again} bytes more from the origin`);
      });
    });
  }

  test("a whole object is shared on while the manager is away", async () => {
    await inCluster(async (cluster) => {
      const url = cluster.serve("/data", { body: { sizeBytes, seed: 3 } });
      const manager = await cluster.manager();
      const host = await cluster.daemon("h1", manager, soon);
      cluster.assertIntact(await cluster.dfget(host, url, "one").outcome, "one", "/data");
      await manager.end("SIGKILL");
      const again = await cluster.dfget(host, url, "two").outcome;
      cluster.assertIntact(again, "two", "/data");
      await manager.start();
      await until(async () => (await host.get("/readyz")).status === 200, "the host finds its manager again");
      const before = cluster.origin.bodyBytes("/data");
      const other = await cluster.daemon("h2", manager);
      cluster.assertIntact(await cluster.dfget(other, url, "three").outcome, "three", "/data");
      assert.equal(cluster.origin.bodyBytes("/data"), before, "the manager kept its cache");
    });
  });

  test("the daemon goes in the middle: dfget goes on alone, or says who is gone", async () => {
    await inCluster(async (cluster) => {
      const gone = Promise.withResolvers<void>();
      const held = { afterBytes: 0.75 * sizeBytes, until: gone.promise };
      const url = cluster.serve("/data", { body: { sizeBytes, seed: 4 }, held });
      const host = await cluster.daemon("h1", await cluster.manager());
      const one = cluster.dfget(host, url, "one");
      const two = cluster.dfget(host, url, "two", ["--no-back-to-source"]);
      const pipe = cluster.dfget(host, url, "-");
      await once(pipe.child.stdout!, "data");
      await host.until(async () => (await host.metric("darner_downloads_active")) === 3, "all three wait for the rest");
      await host.end("SIGKILL");
      gone.resolve();
      cluster.assertIntact(await one.outcome, "one", "/data");
      assertFailed(await two.outcome, "daemon.gone");
      assertFailed(await pipe.outcome, "daemon.gone");
    });
  });

  test("a daemon that is told to stop says so to its clients", async () => {
    await inCluster(async (cluster) => {
      const url = cluster.serve("/data", { body: { sizeBytes, seed: 5 }, rateBytesPerSecond: 4_000_000 });
      const host = await cluster.daemon("h1", await cluster.manager());
      const running = cluster.dfget(host, url, "one", ["--no-back-to-source"]);
      await until(() => cluster.origin.bodyBytes("/data") > 0.3 * sizeBytes, "it runs");
      const startedMs = performance.now();
      await host.end("SIGTERM");
      assert.ok(performance.now() - startedMs < 4000);
      assertFailed(await running.outcome, "daemon.gone");
    });
  });

  test("a peer that stalls in the middle of a piece holds nobody up", async () => {
    await inCluster(async (cluster) => {
      const url = cluster.serve("/data", { body: { sizeBytes, seed: 6 } });
      const manager = await cluster.manager("manager", ["--upload-rate", "4MB"]);
      const [first, second] = (await cluster.daemons(2, manager, ["--upload-rate", "4MB"])) as [Role, Role];
      cluster.assertIntact(await cluster.dfget(first, url, "h1.out").outcome, "h1.out", "/data");
      const running = cluster.dfget(second, url, "h2.out");
      await until(async () => (await first.metric("darner_upload_bytes")) > 0, "the peer feeds the other");
      first.signal("SIGSTOP");
      const outcome = await running.outcome;
      first.signal("SIGCONT");
      cluster.assertIntact(outcome, "h2.out", "/data");
      assert.ok(outcome.ms < 20_000, `${outcome.ms} ms`);
    });
  });
});

describe("the origin behind a manager and a daemon", { concurrency: 3 }, () => {
  let cluster: Cluster;
  let host: Role;
  let other: Role;
  before(async () => {
    cluster = await Cluster.start();
    const manager = await cluster.manager();
    [host, other] = (await cluster.daemons(2, manager)) as [Role, Role];
  });
  after(() => cluster.end());

  const good: ObjectScript = { body: { sizeBytes: 3_000_000, seed: 7 } };
  const failures: readonly [string, ErrorCode, ObjectScript, (readonly string[])?][] = [
    ["404", "origin.not-found", { status: 404 }],
    ["410", "origin.gone", { status: 410 }],
    ["401", "origin.unauthorized", { ...good, needsHeader: { name: "authorization", value: "Bearer right" } }],
    ["403", "origin.forbidden", { status: 403 }],
    ["429 for long", "origin.rate-limited", { status: 429, retryAfter: "3600" }],
    ["500", "origin.server-error", { status: 500 }],
    ["a digest that is wrong", "digest.mismatch", good, ["--digest", `sha256:${"0".repeat(64)}`]],
    [
      "a digest that the origin tells wrong",
      "digest.mismatch",
      { ...good, digests: ["repr-digest"], digestsWrong: true },
    ],
    [
      "two changes on the way",
      "origin.changed",
      { ...good, changeAfterBytes: 1_000_000, changesMax: 5, resetAfterBytes: 1_500_000 },
    ],
    ["a redirect in a circle", "origin.redirect-loop", { redirectTo: "redirect" }],
  ];
  for (const [what, code, script, flags] of failures) {
    test(`${what}: ${code}`, async () => {
      const path = `/failure/${code}-${what.length}`;
      cluster.serve(path, { ...script, ...(script.redirectTo === undefined ? {} : { redirectTo: path }) });
      const outcome = await cluster.dfget(host, cluster.origin.url(path), `x-${code}-${what.length}`, flags).outcome;
      assertFailed(outcome, code);
      assert.ok(outcome.ms < 20_000, `${outcome.ms} ms`);
      const stream = await cluster.dfget(other, cluster.origin.url(path), "-", flags).outcome;
      assertFailed(stream, code);
      assert.doesNotMatch(stream.stderr, /alone/, "nobody asks the origin for himself");
    });
  }

  const odd: Readonly<Record<string, ObjectScript>> = {
    "of no byte": { body: new Uint8Array(0) },
    "of one byte": { body: Buffer.from("x") },
    "without Content-Length": { ...good, lengthHeader: "absent" },
    "in chunks": { ...good, lengthHeader: "absent", chunked: true },
    "without ranges": { ...good, ranges: false },
    "without a validator": { ...good, etag: null },
    "with a reset in the middle": { ...good, resetAfterBytes: 1_000_000, misbehavesTimes: 1 },
    "with a reset in the middle and no validator": {
      ...good,
      etag: null,
      resetAfterBytes: 1_000_000,
      misbehavesTimes: 1,
    },
    "after two answers of 503": { ...good, status: 503, retryAfter: "0", misbehavesTimes: 2 },
  };
  for (const [what, script] of Object.entries(odd)) {
    test(`an object ${what} comes whole to two hosts at once, as file and as stream`, async () => {
      const path = `/odd/${what.replaceAll(" ", "-")}`;
      const url = cluster.serve(path, script);
      const outcomes = await Promise.all([
        cluster.dfget(host, url, `a${what.length}`).outcome,
        cluster.dfget(other, url, "-").outcome,
      ]);
      cluster.assertIntact(outcomes[0], `a${what.length}`, path);
      assert.equal(outcomes[1].status, 0, outcomes[1].stderr);
      const { createHash } = await import("node:crypto");
      assert.equal(createHash("sha256").update(outcomes[1].stdout, "latin1").digest("hex"), cluster.digest(path));
    });
  }

  test("one change on the way: everybody gets the new version", async () => {
    const script = { ...good, changeAfterBytes: 1_000_000, resetAfterBytes: 1_500_000, misbehavesTimes: 1 };
    const url = cluster.serve("/changed-once", script);
    const outcomes = await Promise.all([host, other].map((at) => cluster.dfget(at, url, `c-${at.name}`).outcome));
    for (const [index, outcome] of outcomes.entries()) {
      cluster.assertIntact(outcome, `c-h${index + 1}`, "/changed-once", 2);
    }
  });
});
