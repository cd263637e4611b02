/**
 * A cluster that machines join, as its operator meets it: real processes, each "machine" a data directory
 * of its own. Everything listens on every interface, so that nothing passes for a local caller.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { loadNative } from "#platform/native/calls.node.ts";
import { contentDigest, seededContent, startTestOrigin } from "../origin/mod.ts";
import { until } from "./cluster.ts";
import { Place, type UpRunning } from "./darner-up.ts";

const sizeBytes = 3_000_000;
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

async function cluster(t: TestContext, ...flags: string[]): Promise<{ place: Place; up: UpRunning; join: string[] }> {
  const place = new Place();
  t.after(() => place.remove());
  const up = await place.up("--listen", "0.0.0.0", "--advertise", "127.0.0.1", ...flags);
  return { place, up, join: commandIn(up.text) };
}

/** The words behind `darner` of the printed command. */
function commandIn(text: string): string[] {
  const line = /^ *darner (join https:\/\/\S+ darner_\S+)$/m.exec(text)?.[1];
  assert.ok(line !== undefined, `a command to join is printed: ${text}`);
  return line.split(" ");
}

async function origin(t: TestContext) {
  const started = await startTestOrigin();
  t.after(() => started.close());
  started.serve("/a.bin", { body: { sizeBytes, seed: 5 } });
  return { started, url: started.url("/a.bin"), digest: contentDigest(seededContent(sizeBytes, 5), "sha256") };
}

test("a second machine: one copied command, then dfget; the origin sends each byte once", async (t) => {
  const { started, url, digest } = await origin(t);
  const { place, up, join } = await cluster(t);
  const first = await place.run("dfget", "--socket", up.socket, "-O", place.path("one"), url);
  assert.equal(first.status, 0, first.stderr);

  const second = ["--data-dir", place.path("second")];
  const startedMs = performance.now();
  const joined = await place.run("darner", ...join, ...second);
  assert.match(joined.stdout, /^joined the cluster of https:\S+ as host [0-9a-f]{32}; dfget .*\n$/, joined.stderr);
  for (const file of ["key.pem", "certificate.pem"]) {
    assert.equal(statSync(place.path(`second/daemon/${file}`)).mode & 0o777, 0o600, file);
  }
  const flags = [...second, "--socket", place.path("t"), "--linger", "2s", "--explain"];
  const got = await place.run("dfget", ...flags, "-O", place.path("two"), url);
  assert.equal(got.status, 0, got.stderr);
  assert.ok(performance.now() - startedMs < 60_000, "under a minute");
  assert.match(got.stderr, /peers 3\.00 MB/);
  assert.deepEqual([sha256(place.path("one")), sha256(place.path("two"))], [digest, digest]);
  assert.equal(started.bodyBytes(), sizeBytes);
  await up.running.until(/"event":"member\.joined"/);
  const managers = await place.run("darner", "manager", "list", "--data-dir", place.path("data"));
  assert.match(managers.stdout, /^[0-9a-f]{32} +https:\S+ +- +up +\d\.\d\d$/m, "found by its data directory alone");
  // How far its manager is is known, over TLS too.
  if (loadNative().available) await up.running.until(/"event":"manager\.joined".*"roundTripMs":(?:0\.0*)?[1-9]/);
});

test("a token makes one member, is useless to others afterwards, and a guess or another cluster's is refused", async (t) => {
  const { place, up, join } = await cluster(t);
  const at = (name: string) => ["--data-dir", place.path(name)];
  for (const list of [["token", "list"] as const, ["member", "invitations"] as const]) {
    const { stdout } = await place.run("darner", ...list, ...at("data"));
    assert.equal(
      stdout.trim().split("\n").length,
      list[0] === "token" ? 1 : 2,
      `nothing that nobody was told: ${stdout}`,
    );
  }
  const [, url, token] = join as [string, string, string];
  assert.equal((await place.run("darner", ...join, ...at("b"))).status, 0);
  const replayed = await place.run("darner", ...join, ...at("c"));
  assert.deepEqual([replayed.status, existsSync(place.path("c/daemon/certificate.pem"))], [109, false]);
  assert.match(replayed.stderr, /the token was used already/);

  const guessed = token.replace(/_[\w-]{32}\./, `_${"A".repeat(32)}.`);
  const unknown = await place.run("darner", "join", url, guessed, ...at("c"));
  assert.match(unknown.stderr, /the token is unknown here/);
  const otherAuthority = token.replace(/\.[\w-]+$/, `.${"A".repeat(43)}`);
  const elsewhere = await place.run("darner", "join", url, otherAuthority, ...at("c"));
  assert.match(elsewhere.stderr, /another cluster answers there .*, or somebody between/);
  assert.deepEqual([unknown.status, elsewhere.status], [109, 109]);

  const invited = await place.run("darner", "member", "invite", "--life", "1s", ...at("data"));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const late = await place.run("darner", ...commandIn(invited.stdout), ...at("c"));
  assert.match(late.stderr, /the token has ended/, invited.stderr);
  const leaked = commandIn((await place.run("darner", "member", "invite", "--uses", "9", ...at("data"))).stdout);
  const shown = await place.run("darner", "member", "invitations", ...at("data"));
  const [, leakedId] = /^([0-9a-f]{12}) +host +9 +in 60 min$/m.exec(shown.stdout) ?? [];
  assert.equal((await place.run("darner", "member", "withdraw", leakedId!, ...at("data"))).status, 0, shown.stdout);
  assert.equal((await place.run("darner", ...leaked, ...at("c"))).status, 109, "withdrawn");
  await up.running.until(/(?:"event":"member\.refused".*"why"[^]*){4}/);
  assert.equal([...up.running.stderr.matchAll(/"event":"member\.refused".*"why"/g)].length, 4, "each with its cause");
  assert.doesNotMatch(up.running.stderr, new RegExp(token.slice(12, 44)), "no secret in the log");
});

test("who has not joined is refused, with what to do; a revoked host is out at once", async (t) => {
  const { url } = await origin(t);
  const { place, up, join } = await cluster(t);
  const daemon = (name: string, ...flags: string[]) =>
    place.start(
      "darner",
      [
        "daemon",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        place.path(name),
        "--socket",
        place.path(`${name}.sock`),
      ].concat(flags),
    );
  const outside = await daemon("x", "--config-service", up.configService).ended;
  assert.deepEqual(
    [outside.status, /x\/daemon has not joined its cluster; run darner join/.test(outside.stderr)],
    [106, true],
  );

  assert.equal((await place.run("darner", ...join, "--data-dir", place.path("b"))).status, 0);
  const second = daemon("b", "--origin-fallback-after", "100ms");
  await second.until(/"manager\.joined"/);
  const joined = /"event":"member\.joined".*?"id":"([0-9a-f]{32})"/;
  const [, id] = joined.exec(await up.running.until(joined))!;
  const listed = await place.run("darner", "member", "list", "--data-dir", place.path("data"));
  assert.match(listed.stdout, new RegExp(`^${id} +host +\\S+ +127\\.0\\.0\\.1 +ends in 7 days$`, "m"), listed.stderr);

  const well = await place.run("darner", "doctor", "--data-dir", place.path("b"), "--socket", place.path("b.sock"));
  assert.match(well.stdout, new RegExp(`^ok +identity +host ${id}, certified for 7\\.0 days more$`, "m"), well.stderr);
  assert.match(well.stdout, /^ok +config service +https:\S+ is ready$/m, "known from what was joined");
  const revoked = await place.run("darner", "member", "revoke", id!, "--data-dir", place.path("data"));
  assert.equal(revoked.status, 0, revoked.stderr);
  await second.until(/"manager\.lost"/);
  await up.running.until(new RegExp(`"event":"access.refused".*the member ${id} was revoked`));
  const ill = await place.run("darner", "doctor", "--data-dir", place.path("b"), "--socket", place.path("b.sock"));
  assert.match(ill.stdout, new RegExp(`^fail +identity .*${id} was revoked`, "m"));
  const flags = ["--socket", place.path("b.sock"), "--no-back-to-source", "-T", "3s", "-t", "1"];
  const got = await place.run("dfget", ...flags, "-O", place.path("out"), url);
  assert.notEqual(got.status, 0);
  await second.stop();
});

test("operators' tokens from another machine: what the scope covers, over TLS, and nothing after the revocation", async (t) => {
  const { place, up } = await cluster(t);
  const own = ["--data-dir", place.path("data")];
  const create = async (name: string, scope: string): Promise<string> =>
    (await place.run("darner", "token", "create", name, "--scope", scope, ...own)).stdout.trim();
  const [reads, rules] = [await create("nagios", "read"), await create("root", "admin")];
  const away = (...words: string[]) => place.run("darner", ...words);

  const tasks = await away("task", "list", "--manager", up.manager, "--token", reads);
  assert.deepEqual([tasks.status, tasks.stdout], [0, "no task is being distributed\n"], tasks.stderr);
  const bare = await away("task", "list", "--manager", up.manager);
  assert.deepEqual([bare.status, /operator's token/.test(bare.stderr)], [107, true]);
  const set = ["set", "upload-rate", "5MB", "--config-service", up.configService];
  const refused = await away(...set, "--token", reads);
  assert.deepEqual([refused.status, /the token's scope is read/.test(refused.stderr)], [108, true], refused.stderr);
  assert.equal((await away(...set, "--token", rules)).status, 0);
  await up.running.until(/"upload-rate":"5MB"/);

  const list = await away("token", "list", "--config-service", up.configService, "--token", rules);
  assert.match(list.stdout, /^nagios +read +never$/m);
  assert.equal((await place.run("darner", "token", "revoke", "nagios", ...own)).status, 0);
  const members = ["member", "list", "--config-service", up.configService, "--token", reads];
  const revoked = await away(...members);
  assert.deepEqual([revoked.status, /unknown, revoked or has ended/.test(revoked.stderr)], [107, true], revoked.stderr);
  for (const secret of [reads, rules]) assert.ok(!up.running.stderr.includes(secret.slice(11, 43)), "not in the log");
});

test("certificates of some seconds are renewed while everything goes on", async (t) => {
  const { url } = await origin(t);
  const place = new Place();
  t.after(() => place.remove());
  writeFileSync(place.path("darner.yaml"), "config-service:\n  certificate-life: 20s\n");
  const config = ["--config", place.path("darner.yaml")];
  const up = await place.up("--listen", "0.0.0.0", "--advertise", "127.0.0.1", ...config);
  assert.equal((await place.run("darner", ...commandIn(up.text), "--data-dir", place.path("b"))).status, 0);
  const flags = ["--listen", "127.0.0.1:0", "--data-dir", place.path("b"), "--socket", place.path("b.sock")];
  const second = place.start("darner", ["daemon", ...flags]);
  await second.until(/"manager\.joined"/);
  const before = readFileSync(place.path("b/daemon/certificate.pem"), "utf8");
  const renewed = (): boolean => readFileSync(place.path("b/daemon/certificate.pem"), "utf8") !== before;
  await until(renewed, "a newer certificate is kept", 25_000);
  const got = await place.run("dfget", "--socket", place.path("b.sock"), "-O", place.path("out"), url);
  assert.equal(got.status, 0, got.stderr);
  await second.stop();
});

test("a config service makes its authority once, tells its secrets once, and starts with no half of it", async (t) => {
  const place = new Place();
  t.after(() => place.remove());
  const folder = place.path("c/config-service");
  const words = ["config-service", "--listen", "0.0.0.0:0", "--advertise", "127.0.0.1", "--data-dir", place.path("c")];
  const start = async () => {
    const running = place.start("darner", words);
    await running.until(/"role\.started"/);
    return running;
  };
  const first = await start();
  await first.until(/darner_api_\S+\n/);
  const ended = await first.stop();
  for (const kind of ["host", "manager", "api"]) assert.match(ended.stdout, new RegExp(`darner_${kind}_[\\w-]{32}\\.`));
  assert.doesNotMatch(ended.stderr, /darner_(?:host|manager|api)_/, "on standard output alone");
  assert.equal(statSync(`${folder}/authority-key.pem`).mode & 0o777, 0o600);
  const authority = readFileSync(`${folder}/authority.pem`, "utf8");

  const second = await (await start()).stop();
  assert.equal(second.stdout, "");
  assert.equal(readFileSync(`${folder}/authority.pem`, "utf8"), authority);

  writeFileSync(`${folder}/authority.pem`, "");
  const half = await place.run("darner", ...words);
  assert.deepEqual(
    [half.status, /cannot use the cluster's authority.*from the same copy/.test(half.stderr)],
    [113, true],
  );
});

test("a fleet: config service, manager and hosts as processes of their own, also with a manager that is named", async (t) => {
  const { started, url, digest } = await origin(t);
  const place = new Place();
  t.after(() => place.remove());
  const open = ["--listen", "0.0.0.0:0", "--advertise", "127.0.0.1"];
  const config = place.start("darner", ["config-service", ...open, "--data-dir", place.path("c")]);
  await config.until(/darner_api_\S+\n/);
  const invite = async (role: string, uses: string): Promise<string[]> => {
    const words = ["member", "invite", "--role", role, "--uses", uses, "--data-dir", place.path("c")];
    return commandIn((await place.run("darner", ...words)).stdout);
  };
  const asManager = await place.run("darner", ...(await invite("manager", "1")), "--data-dir", place.path("m"));
  assert.match(asManager.stdout, /as manager [0-9a-f]{32}; start it with darner cluster-manager\n$/);
  const manager = place.start("darner", ["cluster-manager", ...open, "--data-dir", place.path("m")]);
  const [, managerUrl] = /"event":"role.started".*?"url":"(https:[^"]+)"/.exec(await manager.until(/"role\.started"/))!;
  const join = await invite("host", "2");
  const hosts = ["a", "b"].map((name, index) => ({ name, named: index === 0 ? [] : ["--manager", managerUrl!] }));
  for (const { name, named } of hosts) {
    assert.equal((await place.run("darner", ...join, "--data-dir", place.path(name))).status, 0);
    const own = ["--listen", "127.0.0.1:0", "--data-dir", place.path(name), "--socket", place.path(`${name}.sock`)];
    const daemon = place.start("darner", ["daemon", ...own, ...named]);
    await daemon.until(/"manager\.joined"/);
    const got = await place.run("dfget", "--socket", place.path(`${name}.sock`), "-O", place.path(`${name}.out`), url);
    assert.equal(got.status, 0, got.stderr);
    assert.equal(sha256(place.path(`${name}.out`)), digest);
    assert.doesNotMatch(daemon.stderr, /"level":"warn".*"event":"(?:cluster|certificate|identity|manager)\./);
  }
  assert.equal(started.bodyBytes(), sizeBytes);
});
