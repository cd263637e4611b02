/**
 * Attacks on what is private: bytes that came into a cluster for one credential, asked for by their
 * digest, by their address, through another host, another user of the same host, another place.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { Cluster, type Role } from "../integration/cluster.ts";

const body = { sizeBytes: 3_000_000, seed: 77 };
const path = "/private/model.bin";
const unauthorized = 60;
const forbidden = 61;

describe("private bytes", () => {
  let cluster: Cluster;
  let manager: Role;
  let [holder, other]: Role[] = [];
  let url: string;
  let byDigest: string[];
  const good = ["--header", "Authorization: Bearer good"];

  before(async () => {
    cluster = await Cluster.start();
    url = cluster.serve(path, { body, needsHeader: { name: "authorization", value: "Bearer good" } });
    byDigest = ["--digest", `sha256:${cluster.digest(path)}`];
    manager = await cluster.manager();
    [holder, other] = await cluster.daemons(2, manager);
    cluster.assertIntact(await cluster.dfget(holder, url, "first", [...good, ...byDigest]).outcome, "first", path);
  });
  after(() => cluster.end());

  /** Asks, and gets neither the bytes nor a file. */
  async function refused(host: Role, from: string, flags: readonly string[], statuses: readonly number[]) {
    const { status, stderr } = await cluster.dfget(host, from, "stolen", [...byDigest, ...flags]).outcome;
    assert.ok(statuses.includes(status ?? 0), `exit ${status}: ${stderr}`);
    assert.ok(!fs.existsSync(cluster.path("stolen")), "no output is left");
    for (const role of [manager, holder!, other!])
      assert.match((await role.get("/readyz")).text, /ready|ok/i, role.name);
  }

  for (const [who, host] of [
    ["another host", () => other!],
    ["another user of the host that has it", () => holder!],
  ] as const) {
    test(`their digest and address, asked by ${who} without a credential`, () =>
      refused(host(), url, [], [unauthorized]));

    test(`their digest and address, asked by ${who} with a wrong credential`, () =>
      refused(host(), url, ["--header", "Authorization: Bearer bad"], [unauthorized]));

    test(`their digest, asked by ${who} at another path that says yes to everything`, async () => {
      const evil = cluster.serve("/evil", { body: Buffer.alloc(body.sizeBytes, 1) });
      const before = manager.entries("right.refused").length;
      await refused(host(), evil, [], [forbidden]);
      const said = await manager.logged("right.refused", before + 1);
      assert.match(String(said.at(-1)!["reason"]), /gave other bytes/);
    });

    test(`their digest, asked by ${who} at a registry that says yes to everything`, async () => {
      const evil = cluster.serve(`/v2/team/app/blobs/sha256:${cluster.digest(path)}`, { body: Buffer.from("yes") });
      await refused(host(), evil, ["--header", "Authorization: Bearer mine"], [forbidden]);
    });
  }

  test("a credential goes to the authority that it was given for, not where that redirects to", async () => {
    const away = cluster.serve("/away", { redirectTo: url.replace("127.0.0.1", "localhost") });
    const { status } = await cluster.dfget(other, away, "redirected", good).outcome;
    assert.equal(status, unauthorized);
    assert.ok(
      cluster.origin
        .requestsOf(path)
        .every(
          ({ headers }) => headers["host"]?.startsWith("127.0.0.1") === true || headers["authorization"] === undefined,
        ),
    );
  });

  test("who has the right gets them, at their place and at another that gives the same bytes", async () => {
    cluster.assertIntact(await cluster.dfget(other, url, "second", [...good, ...byDigest]).outcome, "second", path);
    const mirror = cluster.serve("/mirror", { body });
    cluster.assertIntact(await cluster.dfget(other, mirror, "third", byDigest).outcome, "third", path);
  });
});
