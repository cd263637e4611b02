/** Which manager a host is at home with: the nearest by measured round trip of those that it meets. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { staticManagers } from "#cluster/mod.ts";
import { encodeFrame, encodeJsonFrame, frameType } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import type { Dialler } from "#platform/sockets/connection.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { MemoryConnection } from "../../../../test/memory-network.ts";
import { ManagerClient } from "./manager-client.ts";

const tasks = 64;
const idleMs = 70_000;
const alive = encodeFrame(frameType.message, 0, 0, new Uint8Array(0));

/** Managers by their name, in the config service's order; the kernel sees them so many milliseconds away. */
function scene(t: TestContext, roundTripsMs: Readonly<Record<string, number | undefined>>) {
  const clock = new SimClock();
  const met = new Map<string, MemoryConnection>();
  const urls = Object.keys(roundTripsMs).map((name) => `http://${name}`);
  const dialler: Dialler = {
    dial: async ({ host }, handlers) => {
      const connection = new MemoryConnection(clock, host, (bytes) => bytes);
      const far = new MemoryConnection(clock, "host", (bytes) => bytes);
      [connection.peer, far.peer] = [far, connection];
      connection.roundTripMs = roundTripsMs[host];
      connection.receive = (bytes) => handlers.onBytes!(bytes);
      connection.onClose = (reason) => {
        met.delete(host);
        handlers.onClose(reason);
      };
      // Welcome first, and a sign of life for each.
      far.receive = () => {
        const welcome = { kind: "welcome", version: "1.0", manager: host, hosts: 2, reportEveryMs: 1000 };
        far.send(met.get(host) === connection ? alive : encodeJsonFrame(frameType.message, 0, welcome));
        met.set(host, connection);
      };
      return { connection, member: undefined, headers: {} };
    },
  };
  const client = new ManagerClient({
    clock,
    dialler,
    log: silentLog,
    directory: staticManagers(urls, false, clock),
    random: { unit: () => 0.5 } as never,
    isRevoked: () => false,
    card: () => ({ id: "h", name: "h", site: "", address: "10.0.0.9", port: 1 }),
    onRecheck: async () => {},
    onFetch: () => {},
  });
  client.start();
  t.after(() => client.stop());
  return {
    met,
    /** Who has a connection once no task needs one: the home alone. */
    home: async (): Promise<string> => {
      await clock.settle(idleMs);
      return [...met.keys()].join(" ");
    },
    /** Has tasks of every manager for a moment. */
    meetAll: async (): Promise<void> => {
      for (let task = 0; task < tasks; task++) {
        const ask = { url: `http://o/${task}`, headers: {}, filterQuery: [], tag: "" };
        const listener = { task: `${task}`, ask, holds: () => undefined, seeks: () => [], recalled: () => undefined };
        client.ask({ ...listener, heard: () => {} });
      }
      await clock.settle(1_000);
      assert.equal(met.size, urls.length);
      for (let task = 0; task < tasks; task++) client.leave(`${task}`, "");
    },
  };
}

test("a host that meets a much nearer manager is at home with that one, and leaves the other", async (t) => {
  const { home, meetAll } = scene(t, { first: 40, other: 30, near: 4 });
  assert.equal(await home(), "first");
  await meetAll();
  assert.equal(await home(), "near");
  await meetAll();
  assert.equal(await home(), "near");
});

test("one that is a little nearer moves nobody, nor does one whose distance nobody can tell", async (t) => {
  const little = scene(t, { first: 40, near: 30 });
  await little.meetAll();
  assert.equal(await little.home(), "first");
  const unknown = scene(t, { first: 40, near: undefined });
  await unknown.meetAll();
  assert.equal(await unknown.home(), "first");
});

test("when the nearest is lost its host is at home elsewhere", async (t) => {
  const { home, meetAll, met } = scene(t, { first: 40, near: 4 });
  await meetAll();
  assert.equal(await home(), "near");
  met.get("near")!.close();
  assert.equal(await home(), "first");
});
