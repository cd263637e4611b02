/** `darner up` as somebody meets it on the first day: start it, copy the command, use it, stop it. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { contentDigest, seededContent, startTestOrigin } from "../origin/mod.ts";
import { Place } from "./darner-up.ts";

const sizeBytes = 5_000_000;
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

test("one process, the printed command, a second machine, and one copy from the origin", async (t) => {
  const place = new Place();
  t.after(() => place.remove());
  const origin = await startTestOrigin();
  t.after(() => origin.close());
  origin.serve("/a.bin", { body: { sizeBytes, seed: 5 } });
  const expected = contentDigest(seededContent(sizeBytes, 5), "sha256");
  const up = await place.up();

  assert.match(up.text, /^ {2}\S*dfget --socket \S+\/s URL$/m);
  assert.match(up.text, /Only this machine can use it.*:\n\n {2}\S*darner up --listen 0\.0\.0\.0\n/);
  const first = await place.run("dfget", "--socket", up.socket, "-O", place.path("one"), origin.url("/a.bin"));
  assert.equal(first.status, 0, first.stderr);

  const secondSocket = place.path("t");
  const flags = ["--listen", "127.0.0.1:0", "--data-dir", place.path("second"), "--socket", secondSocket];
  const second = place.start("darner", ["daemon", ...flags, "--config-service", up.configService]);
  await second.until(/"role\.started"/);
  const again = await place.run("dfget", "--socket", secondSocket, "-O", place.path("two"), origin.url("/a.bin"));
  assert.equal(again.status, 0, again.stderr);
  assert.deepEqual([sha256(place.path("one")), sha256(place.path("two"))], [expected, expected]);
  assert.equal(origin.bodyBytes(), sizeBytes);

  const listed = await place.run("darner", "task", "list", "--manager", up.manager);
  assert.match(listed.stdout, /^[0-9a-f]{12} +whole +5\.00 MB +5\.00 MB +2 .*\/a\.bin$/m, listed.stderr);
  const byService = await place.run("darner", "task", "list", "--json", "--config-service", up.configService);
  assert.equal((JSON.parse(byService.stdout) as { state: string }[])[0]?.state, "whole");

  const here = ["--config-service", up.configService];
  const managers = await place.run("darner", "manager", "list", ...here);
  assert.match(managers.stdout, new RegExp(`^\\S+ +${up.manager} +- +up +0\\.\\d\\d$`, "m"), managers.stderr);
  const hosts = await place.run("darner", "host", "list", ...here);
  assert.equal(hosts.stdout.match(/ up$/gm)?.length, 2, hosts.stderr);

  const doctor = await place.run("darner", "doctor", "--socket", up.socket);
  assert.match(doctor.stdout, /^ok +host daemon +\S+ is ready$/m);
  assert.match(doctor.stdout, /^ok +config service +http:\S+ is ready$/m, "known from the running daemon");

  const ended = await up.running.stop();
  assert.equal(ended.status, 0, ended.stderr);
  assert.ok(ended.tookMs < 5000, `stopped in bounded time, not ${Math.round(ended.tookMs)} ms`);
  assert.doesNotMatch(ended.stderr, /"level":"(?:warn|error)"/, "a stop in order is no trouble");
  for (const url of [up.configService, up.manager, up.daemon]) assert.equal(await answers(url), false, url);
  assert.deepEqual([existsSync(up.socket), existsSync(`${up.socket}.fd`)], [false, false]);
  await second.stop();
});

test("a port that is taken: one line, its own status, and nothing made or left running", async (t) => {
  const place = new Place();
  t.after(() => place.remove());
  const origin = await startTestOrigin();
  t.after(() => origin.close());
  const ports = ["--config-service-port", "0", "--cluster-manager-port", "0", "--daemon-port", String(origin.port)];
  const flags = ["--data-dir", place.path("data"), "--socket", place.path("s")];
  const ended = await place.run("darner", "up", ...ports, ...flags);
  assert.equal(ended.status, 110);
  assert.match(
    ended.stderr,
    /^darner: cannot listen on 127\.0\.0\.1:\d+ for the daemon: another process .*--daemon-port PORT\n$/,
  );
  assert.equal(ended.stdout, "");
  assert.deepEqual(readdirSync(place.folder), ["home"]);
});

test("a socket that a daemon has, and a second process on one data directory, are refused", async (t) => {
  const place = new Place();
  t.after(() => place.remove());
  const up = await place.up();
  const ports = ["--config-service-port", "0", "--cluster-manager-port", "0", "--daemon-port", "0"];
  const taken = await place.run("darner", "up", ...ports, "--data-dir", place.path("other"), "--socket", up.socket);
  assert.deepEqual([taken.status, existsSync(place.path("other"))], [110, false]);
  const locked = await place.run(
    "darner",
    "up",
    ...ports,
    "--data-dir",
    place.path("data"),
    "--socket",
    place.path("t"),
  );
  assert.equal(locked.status, 112, locked.stderr);
  assert.equal(existsSync(place.path("t")), false);
  await up.running.stop();
});

test("open to a network without trust, it says how another machine asks, and that nothing is encrypted", async (t) => {
  const place = new Place();
  t.after(() => place.remove());
  const up = await place.up("--listen", "0.0.0.0", "--advertise", "127.0.0.1", "--trust", "off");
  assert.match(up.text, new RegExp(`^ {2}dfget --manager ${up.manager} --trust off URL$`, "m"));
  assert.match(up.text, /Trust is off/);
  assert.equal((await up.running.stop()).status, 0);
});
