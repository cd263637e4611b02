/**
 * Attacks on the secrets that keys of sealed objects are made from: by a host and by a revoked manager of
 * the cluster that ask for them, by an operator's token, by who reads what a run leaves; and what is
 * sealed after a revocation. In the same cluster: it starts again as a whole and has its objects still.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { DarnerError } from "#base/mod.ts";
import type { KeptEpoch } from "#services/config-service/mod.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import { createNodeIdentity } from "#platform/keys/identity.node.ts";
import { signingKeyFromPem } from "#platform/keys/signing.ts";
import { startTestOrigin, type TestOrigin } from "../origin/mod.ts";
import { until } from "../integration/cluster.ts";
import { Place, type UpRunning } from "../integration/darner-up.ts";

const sizeBytes = 1_500_000;
const listen = ["--listen", "0.0.0.0", "--advertise", "127.0.0.1"];

describe("the secrets that keys are made from", () => {
  const place = new Place();
  const logs: string[] = [];
  let up: UpRunning;
  let origin: TestOrigin;

  before(async () => {
    origin = await startTestOrigin();
    up = await place.up(...listen, "--log-level", "debug");
    await up.running.until(/"seal-epoch\.told"/);
    for (const [role, folder] of [
      ["host", "b"],
      ["manager", "m"],
    ]) {
      const words = new RegExp(`darner (join \\S+ darner_${role}_\\S+)$`, "m").exec(await invitation(role!))![1]!;
      const joined = await place.run("darner", ...words.split(" "), "--data-dir", place.path(folder!));
      assert.equal(joined.status, 0, joined.stderr);
    }
  });
  after(async () => {
    await place.remove();
    await origin.close();
  });

  async function invitation(role: string): Promise<string> {
    const words = ["member", "invite", "--role", role, "--data-dir", place.path("data")];
    return (await place.run("darner", ...words)).stdout;
  }

  const keyIn = (folder: string) => signingKeyFromPem(fs.readFileSync(`${place.path(folder)}/key.pem`, "utf8"));
  const kept = (): readonly KeptEpoch[] =>
    JSON.parse(fs.readFileSync(place.path("data/config-service/seal-epochs.json"), "utf8")) as KeptEpoch[];

  /** Asks as a member whose folder this is: what it is told, or the refusal's code. */
  async function asked(folder: string): Promise<unknown> {
    const read = (name: string): string => fs.readFileSync(`${place.path(folder)}/${name}`, "utf8");
    const key = keyIn(folder);
    const identity = createNodeIdentity({
      authority: read("authority.pem"),
      certificate: read("certificate.pem"),
      key,
    });
    const http = createNodeHttpJson(identity);
    const url = new URL("/v1/seal-epochs", up.configService);
    try {
      return await http.request({ method: "GET", url, role: "config-service", timeoutMs: 5000 });
    } catch (error) {
      return (error as DarnerError).code;
    } finally {
      http.close();
    }
  }

  async function got(path: string, output: string, socket = up.socket): Promise<void> {
    const url = origin.url(path);
    const outcome = await place.run("dfget", "--socket", socket, "--sensitive", "-O", place.path(output), url);
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.equal(fs.statSync(place.path(output)).size, sizeBytes);
  }

  function journalsOf(role: string): string {
    const folder = place.path(`data/${role}`);
    const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    return names
      .filter((name) => name.endsWith("journal"))
      .map((name) => fs.readFileSync(join(folder, name), "latin1"))
      .join("\n");
  }

  async function again(): Promise<void> {
    logs.push((await up.running.stop()).stderr);
    up = await place.up(...listen, "--log-level", "debug");
  }

  test("go to a manager that shows its certificate, and to no host", async () => {
    const told = (await asked("m/cluster-manager")) as { epochs: { secret: string }[] };
    assert.equal(told.epochs[0]!.secret, kept()[0]!.secret);
    assert.equal(await asked("b/daemon"), "trust.right");
    await up.running.until(/"access\.refused".*seal-epochs.*the caller is a host/);
  });

  test("a cluster that starts again as a whole has its sensitive objects: the origin is asked for no byte", async () => {
    origin.serve("/kept", { body: { sizeBytes, seed: 8 }, etag: '"kept"' });
    await got("/kept", "one");
    const { number } = kept().at(-1)!;
    assert.match(journalsOf("cluster-manager"), new RegExp(`"epoch":${number}`));
    await again();
    fs.rmSync(place.path("data/daemon/tasks"), { recursive: true, force: true });
    await got("/kept", "two");
    assert.equal(origin.bodyBytes("/kept"), sizeBytes);
    assert.doesNotMatch(up.running.stderr, /"task\.dropped"/);
  });

  test("after a host was revoked, what is sealed is sealed under an epoch that it never had a key of", async () => {
    const before = kept().at(-1)!.number;
    const host = keyIn("b/daemon").id;
    assert.equal((await place.run("darner", "member", "revoke", host, "--data-dir", place.path("data"))).status, 0);
    const { number } = kept().at(-1)!;
    assert.ok(number > before);
    await up.running.until(
      new RegExp(`"number":${number}.*"seal-epoch\\.told"|"seal-epoch\\.told".*"number":${number}`),
    );
    origin.serve("/after", { body: { sizeBytes, seed: 9 }, etag: '"after"' });
    await got("/after", "three");
    assert.match(journalsOf("cluster-manager"), new RegExp(`"epoch":${number}`));
  });

  test("a revoked manager is refused, and the epoch that it knew is over", async () => {
    const manager = keyIn("m/cluster-manager").id;
    const before = kept().at(-1)!.number;
    assert.equal((await place.run("darner", "member", "revoke", manager, "--data-dir", place.path("data"))).status, 0);
    assert.ok(kept().at(-1)!.number > before);
    assert.match(String(await asked("m/cluster-manager")), /^trust\./);
  });

  test("lie in one file that its owner alone reads, and in no log, metric, route or other file", async () => {
    const file = place.path("data/config-service/seal-epochs.json");
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    const raw = kept().map(({ secret }) => Buffer.from(secret, "base64"));
    assert.ok(raw.length >= 3);
    const needles = raw.flatMap((secret) => [
      secret,
      ...(["base64", "hex", "base64url"] as const).map((form) => Buffer.from(secret.toString(form))),
    ]);
    const assertNone = (bytes: Buffer, where: string): void => {
      for (const needle of needles) assert.ok(!bytes.includes(needle), `${where} has the secret of an epoch`);
    };
    for (const url of [up.configService, up.manager]) {
      const metrics = await fetch(`http://${new URL(url).host}/metrics`);
      assertNone(Buffer.from(await metrics.text()), `${url}/metrics`);
    }
    for (const name of fs.readdirSync(place.folder, { recursive: true, encoding: "utf8" })) {
      const path = join(place.folder, name);
      if (path !== file && fs.lstatSync(path).isFile()) assertNone(fs.readFileSync(path), name);
    }
    await until(() => up.running.stderr.length > 0, "there is a log");
    assertNone(Buffer.from(logs.join("") + up.running.stderr), "a log");
  });
});
