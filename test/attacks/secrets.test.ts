/**
 * Secrets planted in everything that a user gives (headers, the URL's user, password and query, a
 * cookie that the origin sets) are looked for in everything that a full run leaves or shows: logs at
 * their most talkative, files, metrics, routes, error messages, command lines of what runs.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ask, Cluster, until, type Outcome, type Role } from "../integration/cluster.ts";

const secrets = {
  header: "hEaDeR-5ecret-1111",
  unknownHeader: "uNkNoWn-5ecret-2222",
  password: "pAssW0rd-5ecret-3333",
  signature: "sIgNaTuRe-5ecret-4444",
  cookie: "cOoKiE-5ecret-5555",
  flag: "qUeRyFlAg-5ecret-6666",
};
const path = "/data";
/** Also as they look inside of an Authorization header and of a URL. */
const needles = Object.values(secrets).flatMap((secret) => [secret, Buffer.from(`user:${secret}`).toString("base64")]);

describe("secrets", () => {
  let cluster: Cluster;
  let manager: Role;
  let hosts: Role[];
  const outcomes: Outcome[] = [];
  const commandLines: string[] = [];

  before(async () => {
    cluster = await Cluster.start();
    const talkative = ["--log-level", "debug"];
    manager = await cluster.manager("manager", talkative);
    hosts = await cluster.daemons(2, manager, talkative);
    const headers = { "set-cookie": `session=${secrets.cookie}`, "x-auth-token": secrets.cookie };
    const url = cluster.serve(path, { body: { sizeBytes: 3_000_000, seed: 3 }, headers });
    const gone = cluster.serve("/gone", { status: 404, headers });
    const away = cluster.serve("/away", { redirectTo: `${url}?sig=${secrets.signature}` });
    const headerFile = cluster.path(".headers");
    fs.writeFileSync(headerFile, `Authorization: Bearer ${secrets.header}\nX-Odd: ${secrets.unknownHeader}\n`, {
      mode: 0o600,
    });
    const flags = ["-H", `@${headerFile}`, "--filter-query", "sig"];
    const query = `?sig=${secrets.signature}&${secrets.flag}`;
    for (const [index, host] of [hosts[0], hosts[1], hosts[0], undefined].entries())
      outcomes.push(await cluster.dfget(host, url + query, `out${index}`, flags).outcome);
    for (const from of [gone + query, away, `${url}/nothing${query}`])
      outcomes.push(await cluster.dfget(hosts[0], from, "failed", [...flags, "--explain"]).outcome);
    const withPassword = (url + query).replace("//", `//user:${secrets.password}@`);
    outcomes.push(await cluster.dfget(hosts[1], withPassword, "password", ["--json"]).outcome);
    // A download that is cut leaves its partial files.
    const slow = cluster.serve("/slow", {
      body: { sizeBytes: 9_000_000, seed: 4 },
      rateBytesPerSecond: 2_000_000,
      headers,
    });
    const cut = cluster.dfget(hosts[0], slow + query, "cut", flags);
    await until(() => cluster.origin.bodyBytes("/slow") > 2_000_000, "some of it is there");
    for (const role of [manager, ...hosts]) commandLines.push(fs.readFileSync(`/proc/${role.pid}/cmdline`, "utf8"));
    commandLines.push(...hosts.map(({ pid }) => fs.readFileSync(`/proc/${pid}/environ`, "utf8")));
    cut.child.kill("SIGKILL");
    await cut.outcome;
    fs.rmSync(headerFile);
  });
  after(() => cluster.end());

  function assertClean(text: string, where: string): void {
    for (const needle of needles) {
      const at = text.indexOf(needle);
      assert.ok(at < 0, `${where} shows a secret: ...${text.slice(Math.max(0, at - 80), at + needle.length + 20)}...`);
    }
  }

  test("the run was a full one", () => {
    const statuses = outcomes.map(({ status }) => status);
    assert.deepEqual(statuses.slice(0, 4), [0, 0, 0, 0], outcomes.map(({ stderr }) => stderr).join(""));
    assert.ok(cluster.origin.requestsOf(path).some(({ headers }) => headers["x-odd"] === secrets.unknownHeader));
  });

  test("no log line", () => {
    for (const role of [manager, ...hosts]) {
      assert.ok(role.log.length > 1000, `${role.name} says something`);
      assertClean(role.log, `the log of ${role.name}`);
    }
  });

  test("no message of dfget, its JSON and its --explain among them", () => {
    for (const { stdout, stderr } of outcomes) assertClean(stdout + stderr, "dfget");
  });

  test("no metric, no route", async () => {
    for (const role of [manager, ...hosts]) {
      for (const page of ["/", "/metrics", "/v1/tasks", "/healthz", "/readyz"])
        assertClean((await role.get(page)).text, `${page} of ${role.name}`);
      if (role !== manager) assertClean((await ask({ socketPath: role.socketPath }, "/metrics")).text, role.name);
    }
  });

  test("no command line or environment of a role", () => {
    for (const line of commandLines) assertClean(line, "a process");
  });

  test("no file: journals, caches, partial downloads, keys", () => {
    let files = 0;
    for (const name of fs.readdirSync(cluster.folder, { recursive: true, encoding: "utf8" })) {
      const file = join(cluster.folder, name);
      if (!fs.lstatSync(file).isFile()) continue;
      files++;
      assertClean(fs.readFileSync(file, "latin1"), name);
    }
    assert.ok(files > 10, `${files} files were looked at`);
  });
});
