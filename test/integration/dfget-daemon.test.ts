/** dfget through a host daemon: what it hands over, and what it does when the daemon goes away. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { errorTable } from "#base/mod.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { contentOf, startTestOrigin, type ObjectScript, type TestOrigin } from "../origin/mod.ts";
import { Desk } from "./run-dfget.ts";
import { ScriptedDaemon, type DaemonScript } from "./scripted-daemon.ts";

const pieceBytes = 65_536;
const object: ObjectScript = { body: { sizeBytes: 20 * pieceBytes, seed: 9 }, etag: '"one"' };
const content = contentOf(object, 1).read(0, 20 * pieceBytes);

let origin: TestOrigin;
before(async () => {
  origin = await startTestOrigin();
});
after(() => origin.close());

interface Scene {
  readonly desk: Desk;
  readonly daemon: ScriptedDaemon;
  readonly url: string;
  readonly path: string;
  readonly flags: readonly string[];
}

let made = 0;

async function withDaemon(script: Partial<DaemonScript>, tell: (scene: Scene) => Promise<void>): Promise<void> {
  const path = `/${++made}/x`;
  origin.serve(path, object);
  const url = origin.url(path);
  const desk = new Desk();
  const facts = { status: 200, url, headers: { etag: '"one"' }, requestedAtMs: 0, answeredAtMs: 0 };
  const daemon = await ScriptedDaemon.start(desk.path("d.sock"), { content, validator: '"one"', facts, ...script });
  try {
    await tell({ desk, daemon, url, path, flags: ["--socket", desk.path("d.sock"), "-O", "x"] });
  } finally {
    daemon.die();
    desk.remove();
  }
}

const skip = loadNative().available ? false : "open files cannot be handed over on this machine";
const plainWays = [
  { way: "open files", environment: {}, skip },
  { way: "a stream", environment: { DARNER_NATIVE: "off" }, skip: false },
] as const;

for (const { way, environment, skip } of plainWays) {
  describe(`through the daemon by ${way}`, { skip }, () => {
    test("a file comes whole and the daemon hears that it has its name", async () => {
      await withDaemon({}, async ({ desk, daemon, url, flags, path }) => {
        const outcome = await desk.dfget([...flags, "--explain", "--tag", "t", url], { environment });
        assert.equal(outcome.status, 0, outcome.stderr);
        assert.ok(desk.read("x").equals(content));
        assert.deepEqual(
          desk.names().filter((name) => name.includes("darner")),
          [],
        );
        assert.match(outcome.stderr, /through it\n[^]*from a peer\n[^]*peers 1\.31 MB/);
        assert.equal(fs.statSync(desk.path("x")).mtimeMs, Date.parse("Sat, 01 Nov 2025 10:00:00 GMT"));
        assert.deepEqual(daemon.settled, ["/v1/downloads/d1/settled"]);
        assert.equal(daemon.asks[0]!.tag, "t");
        assert.equal(origin.requestsOf(path).length, 0);
      });
    });

    test("a daemon that ends in the middle: dfget goes on alone and says so", async () => {
      await withDaemon({ dieAfterPieces: 12 }, async ({ desk, url, flags, path }) => {
        const outcome = await desk.dfget([...flags, url], { environment });
        assert.equal(outcome.status, 0, outcome.stderr);
        assert.match(outcome.stderr, /daemon.*ended in mid-transfer; going on alone/);
        assert.ok(desk.read("x").equals(content));
        const fetched = way === "open files" ? 8 : 20;
        assert.equal(origin.bodyBytes(path), fetched * pieceBytes);
      });
    });

    test("unless the origin is forbidden", async () => {
      await withDaemon({ dieAfterPieces: 12 }, async ({ desk, url, flags, path }) => {
        const outcome = await desk.dfget([...flags, "--no-back-to-source", url], { environment });
        assert.equal(outcome.status, errorTable["daemon.gone"].exit, outcome.stderr);
        assert.equal(origin.requestsOf(path).length, 0);
        assert.ok(!desk.names().includes("x"));
      });
    });

    test("what the daemon refuses is told in its words", async () => {
      const refuse = { code: "cluster.refused", message: "cannot take it: too many downloads; try again" };
      await withDaemon({ refuse }, async ({ desk, url, flags }) => {
        const outcome = await desk.dfget([...flags, url], { environment });
        assert.equal(outcome.status, errorTable["cluster.refused"].exit);
        assert.equal(outcome.stderr, `dfget: ${refuse.message}\n`);
      });
    });
  });
}

describe("through the daemon", () => {
  test("a failed download ends with the daemon's error", { skip }, async () => {
    await withDaemon({ failAfterPieces: 3 }, async ({ desk, url, flags }) => {
      const outcome = await desk.dfget([...flags, url]);
      assert.equal(outcome.status, errorTable["origin.gone"].exit, outcome.stderr);
    });
  });

  test("a pipe gets the daemon's bytes, and never two versions' when it ends in the middle", async () => {
    await withDaemon({}, async ({ desk, url, flags }) => {
      const outcome = await desk.dfget([...flags.slice(0, 2), "-O", "-", url]);
      assert.ok(outcome.stdout.equals(content), outcome.stderr);
    });
    await withDaemon({ dieAfterPieces: 12 }, async ({ desk, url, flags }) => {
      const outcome = await desk.dfget([...flags.slice(0, 2), "-O", "-", url]);
      assert.equal(outcome.status, errorTable["daemon.gone"].exit, outcome.stderr);
    });
    await withDaemon({ dieAfterPieces: 0 }, async ({ desk, url, flags }) => {
      const outcome = await desk.dfget([...flags.slice(0, 2), "-O", "-", url]);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.ok(outcome.stdout.equals(content));
    });
  });
});
