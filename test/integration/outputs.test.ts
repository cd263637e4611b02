/** What users do to their outputs while peers download from them, and what others plant in their way. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { errorTable } from "#base/mod.ts";
import { createNodeLocalHttp } from "#platform/http-asks/local.node.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { Cluster, inCluster, until, type Role } from "./cluster.ts";

const sizeBytes = 16_000_000;
/** One copy a second from each host; the manager gives hardly anything, so peers feed on the first host. */
const uploadRate = "16MB";

describe("an output that changes while peers download from it", () => {
  const changes: Readonly<Record<string, (output: string) => void>> = {
    "renamed": (output) => fs.renameSync(output, `${output}.moved`),
    "edited in place": (output) => {
      const file = fs.openSync(output, "r+");
      for (let at = 0; at < sizeBytes; at += 65_536) fs.writeSync(file, "edited", at);
      fs.closeSync(file);
    },
    "truncated": (output) => fs.truncateSync(output, 1000),
    "deleted": (output) => fs.rmSync(output),
    "replaced": (output) => {
      fs.writeFileSync(`${output}.new`, Buffer.alloc(sizeBytes, 7));
      fs.renameSync(`${output}.new`, output);
    },
  };
  let cluster: Cluster;
  let first: Role;
  let others: Role[];
  before(async () => {
    cluster = await Cluster.start();
    cluster.expects("piece.spoiled", "peer.wrong-bytes", "peer.accused");
    const slowly = ["--upload-rate", uploadRate];
    const manager = await cluster.manager("manager", slowly);
    [first, ...others] = (await cluster.daemons(3, manager, slowly)) as [Role, ...Role[]];
  });
  after(() => cluster.end());

  for (const [index, [change, apply]] of Object.entries(changes).entries()) {
    test(change, async () => {
      const path = `/data${index}`;
      const url = cluster.serve(path, { body: { sizeBytes, seed: 21 + index } });
      const output = cluster.path(`one-${index}`);
      cluster.assertIntact(await cluster.dfget(first, url, output).outcome, output, path);
      const before = await first.metric("darner_upload_bytes");
      const running = others.map((host) => cluster.dfget(host, url, `${host.name}-${index}`));
      await until(
        async () => (await first.metric("darner_upload_bytes")) > before + 0.1 * sizeBytes,
        "peers download from the first host",
      );
      apply(output);
      const changed = await first.metric("darner_upload_bytes");
      for (const dfget of running) cluster.assertIntact(await dfget.outcome, dfget.output, path);
      const sent = (await first.metric("darner_upload_bytes")) - changed;
      assert.ok(sent < 3_000_000, `the changed file is no source any more: ${sent} bytes were sent after it`);

      // Whoever asks that host again gets the object, not what lies there now.
      cluster.assertIntact(await cluster.dfget(first, url, `again-${index}`).outcome, `again-${index}`, path);
      assert.ok(cluster.origin.bodyBytes(path) <= 1.01 * sizeBytes);
    });
  }
});

const skip = loadNative().available ? false : "open files cannot be handed over on this machine";

describe("one host, several outputs", () => {
  let cluster: Cluster;
  let host: Role;
  before(async () => {
    cluster = await Cluster.start();
    host = await cluster.daemon("h1", await cluster.manager());
  });
  after(() => cluster.end());

  const bothRun = (): Promise<void> =>
    host.until(async () => (await host.metric("darner_downloads_active")) === 2, "both run");

  test("an output of a client that was killed is taken over by those who share it", async () => {
    const killed = Promise.withResolvers<void>();
    const held = { afterBytes: 0.6 * sizeBytes, until: killed.promise };
    const url = cluster.serve("/shared", { body: { sizeBytes, seed: 22 }, rateBytesPerSecond: 16_000_000, held });
    const first = cluster.dfget(host, url, "one");
    await until(() => cluster.origin.bodyBytes("/shared") > 0.2 * sizeBytes, "it runs");
    const second = cluster.dfget(host, url, "two");
    await bothRun();
    first.child.kill("SIGKILL");
    killed.resolve();
    cluster.assertIntact(await second.outcome, "two", "/shared");
    cluster.assertIntact(await cluster.dfget(host, url, "one").outcome, "one", "/shared");
    assert.deepEqual(host.entries("piece.spoiled"), [], "nobody wrote into what others read");
    assert.ok(cluster.origin.bodyBytes("/shared") <= 1.01 * sizeBytes);
  });

  test("a client that was killed comes back to its output while others go on with it, and after", async () => {
    const killed = Promise.withResolvers<void>();
    const held = { afterBytes: 0.4 * sizeBytes, until: killed.promise };
    const url = cluster.serve("/again", { body: { sizeBytes, seed: 35 }, rateBytesPerSecond: 16_000_000, held });
    const first = cluster.dfget(host, url, "back");
    await until(() => cluster.origin.bodyBytes("/again") > 0.2 * sizeBytes, "it runs");
    const other = cluster.dfget(host, url, "other");
    await bothRun();
    first.child.kill("SIGKILL");
    await first.outcome;
    killed.resolve();
    const back = cluster.dfget(host, url, "back");
    cluster.assertIntact(await back.outcome, "back", "/again");
    cluster.assertIntact(await other.outcome, "other", "/again");
    cluster.assertIntact(await cluster.dfget(host, url, "third").outcome, "third", "/again");
    assert.deepEqual(host.entries("piece.spoiled"), [], "nobody wrote into what others read");
    assert.ok(cluster.origin.bodyBytes("/again") <= 1.01 * sizeBytes);
  });

  test("a part of an object comes as that part, into a file and into a pipe", async () => {
    const url = cluster.serve("/part", { body: { sizeBytes, seed: 23 } });
    cluster.assertIntact(await cluster.dfget(host, url, "whole").outcome, "whole", "/part");
    const whole = fs.readFileSync(cluster.path("whole"));
    const file = await cluster.dfget(host, url, "some", ["--range", "100-2000099"]).outcome;
    assert.equal(file.status, 0, file.stderr);
    assert.ok(fs.readFileSync(cluster.path("some")).equals(whole.subarray(100, 2_000_100)));
    const pipe = await cluster.dfget(host, url, "-", ["--range", "15000000-"]).outcome;
    assert.equal(pipe.status, 0, pipe.stderr);
    assert.ok(Buffer.from(pipe.stdout, "latin1").equals(whole.subarray(15_000_000)));
    const outside = await cluster.dfget(host, url, "none", ["--range", "16000000-"]).outcome;
    assert.equal(outside.status, errorTable["origin.range"].exit, outside.stderr);
  });

  test("a digest that only one user knows is proved for that user, also of a shared object", async () => {
    const url = cluster.serve("/md5", { body: { sizeBytes, seed: 34 } });
    const wrong = ["--digest", `md5:${"0".repeat(32)}`];
    const outcome = await cluster.dfget(host, url, "wrong", wrong).outcome;
    assert.equal(outcome.status, errorTable["digest.mismatch"].exit, outcome.stderr);
    cluster.assertIntact(await cluster.dfget(host, url, "right").outcome, "right", "/md5");
    const shared = await cluster.dfget(host, url, "shared", wrong).outcome;
    assert.equal(shared.status, errorTable["digest.mismatch"].exit, shared.stderr);
    const left = fs.readdirSync(cluster.folder).filter((name) => /wrong|shared/.test(name));
    assert.deepEqual(left, [], "nothing lies there");
  });

  test("what is handed over and is no regular file is refused", { skip }, async () => {
    const url = cluster.serve("/device", { body: { sizeBytes: 1_000_000, seed: 36 } });
    const device = fs.openSync("/dev/null", "r+");
    const local = createNodeLocalHttp(async () => loadNative());
    await local.sendDescriptors(`${host.socketPath}.fd`, Buffer.from("a-device"), [device, device]);
    fs.closeSync(device);
    const usual = { headers: {}, filterQuery: [], tag: "", mode: "p2p", backToSource: true, triesMax: 1 };
    const ask = { url, ...usual, output: { kind: "descriptors", token: "a-device" } };
    const reply = await local.post(host.socketPath, "/v1/downloads", ask, AbortSignal.timeout(10_000));
    let last: unknown;
    for await (const event of reply.lines()) last = event;
    reply.close();
    assert.match(JSON.stringify(last), /"failed".*cluster\.refused.*no regular file/);
  });

  for (const [where, plant] of [
    ["the output's path", "planted"],
    ["the hidden partial file's path", ".planted.darner-part"],
    ["the hidden journal's path", ".planted.darner-journal"],
  ] as const) {
    test(`a symbolic link at ${where} is not followed`, async () => {
      const url = cluster.serve("/planted", { body: { sizeBytes: 1_000_000, seed: 25 } });
      const victim = cluster.path("victim");
      fs.writeFileSync(victim, "precious");
      const link = cluster.path(plant);
      fs.symlinkSync(victim, link);
      for (const flags of [[], ["-nc"], ["-c"]]) {
        const outcome = await cluster.dfget(host, url, "planted", flags).outcome;
        if (plant !== "planted") {
          assert.equal(outcome.status, errorTable["output.not-writable"].exit, outcome.stderr);
          assert.match(outcome.stderr, /^dfget: cannot .*planted/m);
          assert.ok(!fs.existsSync(cluster.path("planted")));
        }
        assert.equal(fs.readFileSync(victim, "utf8"), "precious");
      }
      if (plant === "planted") assert.ok(!fs.lstatSync(link).isSymbolicLink(), "-O replaces the link itself");
      fs.rmSync(link, { force: true });
      fs.rmSync(cluster.path("planted"), { force: true });
    });
  }
});

const asRoot = process.getuid?.() === 0 && spawnSync("setpriv", ["--version"]).status === 0;

describe("another user at root's daemon", { skip: asRoot ? false : "needs root and setpriv" }, () => {
  const user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];

  test("writes where that user may, and nowhere else", async () => {
    await inCluster(async (cluster) => {
      const url = cluster.serve("/data", { body: { sizeBytes: 2_000_000, seed: 26 } });
      const host = await cluster.daemon("h1", await cluster.manager());
      fs.chmodSync(cluster.folder, 0o711);
      for (const socket of [host.socketPath, `${host.socketPath}.fd`]) fs.chownSync(socket, 0, 65534);
      fs.mkdirSync(cluster.path("theirs"));
      fs.chownSync(cluster.path("theirs"), 65534, 65534);
      fs.mkdirSync(cluster.path("ours"), { mode: 0o755 });
      fs.writeFileSync(cluster.path("ours/secret"), "precious", { mode: 0o600 });
      const options = { before: user, environment: { HOME: cluster.path("theirs"), NODE_COMPILE_CACHE: "" } };
      const as = (name: string, flags: string[] = []) => cluster.dfget(host, url, name, flags, options).outcome;

      cluster.assertIntact(await as("theirs/out"), "theirs/out", "/data");
      assert.equal(fs.statSync(cluster.path("theirs/out")).uid, 65534);
      const denied = await as("ours/out");
      assert.equal(denied.status, errorTable["output.not-writable"].exit, denied.stderr);
      const over = await as("ours/secret");
      assert.equal(over.status, errorTable["output.not-writable"].exit, over.stderr);
      assert.equal(fs.readFileSync(cluster.path("ours/secret"), "utf8"), "precious");
      assert.deepEqual(fs.readdirSync(cluster.path("ours")), ["secret"]);

      // A file of root's that the user cannot open, under the name that dfget would use.
      fs.writeFileSync(cluster.path("theirs/.x.darner-part"), "precious", { mode: 0o600 });
      const hidden = await as("theirs/x");
      assert.equal(hidden.status, errorTable["output.not-writable"].exit, hidden.stderr);
      assert.equal(fs.readFileSync(cluster.path("theirs/.x.darner-part"), "utf8"), "precious");
    });
  });
});
