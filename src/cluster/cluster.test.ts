/** What a process knows of its cluster, with a config service that is a function and a clock moved by hand. */

import * as assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { ManagerEntry } from "#core/placement/mod.ts";
import type { HttpJson, JsonRequest } from "#platform/http-asks/json.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { manualClock } from "../../test/manual-clock.ts";
import { backoffMs } from "./backoff.ts";
import { assertManagerUrlAllowed, createConfigClient, staticManagers } from "./mod.ts";

const random = { unit: () => 0.5, bytes: (length: number) => new Uint8Array(length) };
const away = new DarnerError("network.refused", "nothing listens", { retry: { afterMs: 1000 } });

function manager(id: string, url = `http://127.0.0.1:8002`): ManagerEntry {
  return { id, url, site: "", address: "127.0.0.1", load: 0, version: "", health: "up" };
}

/** A client of a config service whose answers `reply` makes; every request is kept in `asked`. */
function clientOf(reply: (request: JsonRequest) => unknown, trust = true) {
  const asked: string[] = [];
  const clock = manualClock();
  const http: HttpJson = {
    async request(request) {
      asked.push(`${request.method} ${request.url.pathname}${request.url.search}`);
      if (request.signal?.aborted === true) throw new DarnerError("interrupted", "gave up");
      const held = reply(request);
      if (held !== "hold") return held;
      return new Promise((_, reject) => {
        request.signal?.addEventListener("abort", () => reject(new DarnerError("interrupted", "gave up")));
        clock.after(request.timeoutMs, () => reject(away));
      });
    },
    close() {},
  };
  const client = createConfigClient({ http, clock, random, log: silentLog, url: "http://127.0.0.1:8080", trust });
  return { client, clock, asked };
}

test("an unencrypted manager beyond this machine needs --trust off", () => {
  for (const url of ["http://127.0.0.1:8002", "http://[::1]:8002/x", "http://localhost", "https://m.example:8002"]) {
    assert.equal(assertManagerUrlAllowed(url, true).href, `${new URL(url).origin}/`);
  }
  for (const url of ["http://10.0.0.1:8002", "http://m.example", "http://localhost.example", "http://0.0.0.0:1"]) {
    assert.throws(() => assertManagerUrlAllowed(url, true), { code: "trust.required", message: /--trust off/ });
    assert.equal(assertManagerUrlAllowed(url, false).origin, url);
  }
});

test("a URL that cannot be used is refused without its secrets", () => {
  assert.throws(() => assertManagerUrlAllowed("10.0.0.1", false), {
    code: "url.malformed",
    message: /http:\/\/HOST:PORT/,
  });
  assert.throws(
    () => assertManagerUrlAllowed("ftp://me:secret@m/?key=secret", false),
    (error: DarnerError) => {
      assert.equal(error.code, "url.scheme");
      assert.ok(!error.message.includes("secret"), error.message);
      return true;
    },
  );
});

test("named managers are tried in their order, a failed one is passed over for a while", async () => {
  const clock = manualClock();
  const directory = staticManagers(["http://127.0.0.1:1", "http://127.0.0.1:2/", "http://127.0.0.1:1"], true, clock);
  const [first, second] = directory.current();
  assert.deepEqual([directory.current().length, first?.id], [2, "http://127.0.0.1:1"]);
  const next = (): unknown => directory.pick(directory.current());
  assert.equal(next(), first);
  directory.failed(first!);
  assert.equal(next(), second);
  await clock.advance(10_000);
  directory.failed(second!);
  assert.equal(next(), first, "all have failed: the one that failed longest ago");
  directory.answered(second!);
  assert.equal(next(), second, "one that answers has not failed any more");
  directory.failed(second!);
  await clock.advance(20_000);
  assert.equal(next(), first);
  assert.throws(() => staticManagers([], true, clock), { code: "usage" });
});

test("a list is watched: told at first, told when it changes, kept while the service is away", async () => {
  let version = 7;
  let managers = [manager("a"), manager("b")];
  let down = false;
  const { client, clock, asked } = clientOf((request) => {
    if (down) throw away;
    return request.url.searchParams.get("after") === String(version) ? "hold" : { version, managers };
  });
  const directory = client.watchManagers({ site: "paris" });
  const told: string[] = [];
  directory.onChange((list) => told.push(list.map(({ id }) => id).join("")));
  assert.deepEqual((await directory.whenKnown(1000)).length, 2);
  await clock.advance(200);
  assert.deepEqual(asked, [
    "GET /v1/managers?site=paris&waitMs=25000",
    "GET /v1/managers?site=paris&after=7&waitMs=25000",
  ]);

  down = true;
  await clock.advance(300_000);
  assert.equal(directory.current().length, 2);
  assert.ok(asked.length > 15 && asked.length < 60, `${asked.length} questions in five minutes`);

  [down, version, managers] = [false, 8, [manager("b")]];
  await clock.advance(20_000);
  [version, managers] = [9, []];
  await clock.advance(40_000);
  assert.equal(directory.pick(directory.current())?.id, "b", "a service that lost its state empties no list");
  assert.deepEqual(told, ["ab", "b"]);
  const before = asked.length;
  directory.stop();
  await clock.advance(100_000);
  assert.equal(asked.length, before);
});

test("a service that holds nobody is not asked all the time", async () => {
  const { client, clock, asked } = clientOf(() => ({ version: 1, settings: {} }));
  const watch = client.watchSettings(() => {});
  await clock.advance(60_000);
  assert.ok(asked.length <= 14, `${asked.length} questions in a minute`);
  watch.stop();
});

test("a list that names unencrypted managers beyond this machine is used without them", async () => {
  const managers = [manager("far", "http://10.0.0.1:8002"), manager("near"), manager("safe", "https://10.0.0.1:8002")];
  const { client } = clientOf(() => ({ version: 1, managers }));
  const directory = client.watchManagers({});
  assert.deepEqual(
    (await directory.whenKnown(1000)).map(({ id }) => id),
    ["near", "safe"],
  );
  directory.stop();
});

test("who waits for a first list waits no longer than it says", async () => {
  const { client, clock } = clientOf(() => {
    throw away;
  });
  const directory = client.watchManagers({});
  const known = directory.whenKnown(3000);
  await clock.advance(3000);
  assert.deepEqual([await known, directory.pick(directory.current())], [[], undefined]);
  directory.stop();
});

test("an answer that is no list changes nothing", async () => {
  const { client, clock } = clientOf(() => ({ version: 1, managers: [{ id: "a" }] }));
  const directory = client.watchManagers({});
  await clock.advance(60_000);
  assert.deepEqual(directory.current(), []);
  directory.stop();
});

test("a manager renews three times a lease, at once when told to, and gives its lease up", async () => {
  let down = false;
  let load = 0;
  const loads: unknown[] = [];
  const { client, clock, asked } = clientOf((request) => {
    if (down) throw away;
    if (request.method === "PUT") loads.push((request.body as { load: number }).load);
    return { leaseMs: 30_000, settingsVersion: 1, listVersion: 2 };
  });
  const registration = client.registerManager("m 1", () => ({ url: "http://127.0.0.1:8002", load }));
  await clock.advance(60_000);
  assert.ok(loads.length >= 6 && loads.length <= 8, `${loads.length} renewals in two leases`);
  assert.equal(asked[0], "PUT /v1/managers/m%201");

  load = 1;
  registration.renewNow();
  await clock.advance(1);
  assert.equal(loads.at(-1), 1);

  down = true;
  await clock.advance(60_000);
  down = false;
  const before = loads.length;
  await clock.advance(6_000);
  assert.ok(loads.length > before, "back within seconds");

  const stopped = registration.stop();
  await clock.advance(0);
  await stopped;
  assert.equal(asked.at(-1), "DELETE /v1/managers/m%201");
  const askedThen = asked.length;
  await clock.advance(100_000);
  assert.equal(asked.length, askedThen);
});

test("pauses double up to their bound, scatter, and keep to what the other side asked for", () => {
  const bounds = { firstMs: 100, maxMs: 1000 };
  const pauses = [1, 2, 3, 4, 5, 1000].map((failures) => backoffMs(failures, bounds, 0.999999));
  assert.deepEqual(pauses.map(Math.round), [100, 200, 400, 800, 1000, 1000]);
  assert.equal(backoffMs(1, bounds, 0), 50);
  assert.equal(backoffMs(1, bounds, 0, new DarnerError("cluster.unreachable", "", { retry: { afterMs: 600 } })), 600);
  assert.equal(backoffMs(1, bounds, 0, new DarnerError("cluster.unreachable", "", { retry: { afterMs: 9e9 } })), 1000);
});
