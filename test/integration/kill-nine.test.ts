/**
 * kill -9 at random moments of a transfer, of dfget, of the daemon, of the manager: the next run ends
 * well and fetches at most what the journal did not have. `DARNER_TEST_MOMENTS` says at how many
 * moments each (default 3), `DARNER_TEST_SEED` replays a run.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { pieceCount } from "#core/model/mod.ts";
import { decodeJournal, type ObjectRecord } from "#storage/pieces/mod.ts";
import { Cluster, until, type Dfget, type Role } from "./cluster.ts";

const sizeBytes = 20_000_000;
/** A transfer lasts about a second and a half. */
const rateBytesPerSecond = 14_000_000;

const moments = Number(process.env["DARNER_TEST_MOMENTS"] ?? 3);
const seed = Number(process.env["DARNER_TEST_SEED"] ?? Date.now() % 1_000_000);
console.log(`kill -9 at ${moments} moments each; DARNER_TEST_MOMENTS=10 for the full ten; DARNER_TEST_SEED=${seed}`);

/** A run of which more has come may be over before it is killed. */
const lastPart = 0.95;

/** Parts of the transfer before `lastPart`: one in each of as many equal stretches. */
function partsOf(salt: number): number[] {
  let state = (seed * 2_654_435_761 + salt) >>> 0 || 1;
  return Array.from({ length: moments }, (_, index) => {
    for (let turn = 0; turn < 4; turn++) {
      state ^= (state << 13) >>> 0;
      state ^= state >>> 17;
      state = (state ^ (state << 5)) >>> 0;
    }
    return (lastPart * (index + state / 2 ** 32)) / moments;
  });
}

/** Bytes that the journal has, by pieces that are wholly there. */
function journalHas(path: string): number {
  const { records } = decodeJournal(fs.existsSync(path) ? fs.readFileSync(path) : new Uint8Array(0));
  let object: ObjectRecord | undefined;
  let held = new Set<number>();
  for (const record of records) {
    if (record.kind === "object") [object, held] = [record, new Set()];
    if (record.kind === "pieces") for (const { index } of record.pieces) held.add(index);
  }
  if (object === undefined) return 0;
  const last = pieceCount(sizeBytes, object.pieceBytes) - 1;
  let bytes = 0;
  for (const index of held) bytes += index === last ? sizeBytes - last * object.pieceBytes : object.pieceBytes;
  return bytes;
}

function outputJournal(output: string): string {
  return output.replace(/([^/]+)$/, ".$1.darner-journal");
}

const oneByOne = { concurrency: 1 };

interface Scene {
  readonly cluster: Cluster;
  /** A fresh object of its own. */
  object(part: number): { path: string; url: string; name: string };
  /** Resolves when this part of the object went out. */
  sent(path: string, part: number): Promise<void>;
  /** Body bytes of the requests that came after the first `before`. */
  bytesSince(path: string, before: number): number;
}

function scene(letter: string): Scene {
  let cluster: Cluster;
  let made = 0;
  before(async () => {
    cluster = await Cluster.start();
  });
  after(() => cluster.end());
  return {
    get cluster() {
      return cluster;
    },
    object(part) {
      const path = `/${letter}${++made}-${part.toFixed(3)}`;
      const url = cluster.serve(path, { body: { sizeBytes, seed: seed + made }, rateBytesPerSecond });
      return { path, url, name: `${letter}${made}` };
    },
    async sent(path, part) {
      await until(() => cluster.origin.bodyBytes(path) >= part * sizeBytes, `${part} of ${path} is sent`);
    },
    bytesSince: (path, before) =>
      cluster.origin
        .requestsOf(path)
        .slice(before)
        .reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
  };
}

async function killNine(dfget: Dfget): Promise<void> {
  dfget.child.kill("SIGKILL");
  assert.equal((await dfget.outcome).signal, "SIGKILL");
}

/** What the last line of `--json` says came, and from where. */
function bytesGot(stdout: string): { origin: number; peers: number; local: number } {
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; bytes?: { origin: number; peers: number; local: number } });
  const done = events.find(({ event }) => event === "done");
  assert(done?.bytes !== undefined, "dfget tells what it got");
  return done.bytes;
}

describe("kill -9", { concurrency: 4 }, () => {
  describe("of dfget alone", oneByOne, () => {
    const at = scene("a");
    for (const part of partsOf(1)) {
      test(`at ${part.toFixed(3)}: the next run fetches what the journal has not`, async () => {
        const { path, url, name } = at.object(part);
        const first = at.cluster.dfget(undefined, url, name);
        await at.sent(path, part);
        await killNine(first);
        const has = journalHas(outputJournal(first.output));
        const asked = at.cluster.origin.requestsOf(path).length;
        at.cluster.assertIntact(await at.cluster.dfget(undefined, url, name).outcome, name, path);
        assert.ok(at.bytesSince(path, asked) <= sizeBytes - has, `${at.bytesSince(path, asked)} again, ${has} held`);
        if (part > 0.5) assert.ok(has > 0, "what came before the kill is in the journal");
        assert.deepEqual(
          fs.readdirSync(at.cluster.folder).filter((found) => found.includes(`${name}.`)),
          [],
        );
      });
    }
  });

  describe("of dfget at a daemon", oneByOne, () => {
    const at = scene("b");
    let host: Role;
    before(async () => {
      host = await at.cluster.daemon("h1", await at.cluster.manager());
    });
    for (const part of partsOf(2)) {
      test(`at ${part.toFixed(3)}: the next run takes up what is there`, async () => {
        const { path, url, name } = at.object(part);
        const first = at.cluster.dfget(host, url, name);
        await at.sent(path, part);
        await killNine(first);
        const has = journalHas(outputJournal(first.output));
        const outcome = await at.cluster.dfget(host, url, name, ["--json"]).outcome;
        at.cluster.assertIntact(outcome, name, path);
        const got = bytesGot(outcome.stdout);
        assert.ok(got.origin + got.peers <= sizeBytes - has, `${JSON.stringify(got)} again, ${has} held`);
        assert.ok(at.cluster.origin.bodyBytes(path) <= 1.01 * sizeBytes, "the manager asked for each byte once");
      });
    }
  });

  describe("of the daemon", oneByOne, () => {
    const at = scene("c");
    let host: Role;
    before(async () => {
      host = await at.cluster.daemon("h1", await at.cluster.manager());
    });
    for (const [index, part] of partsOf(3).entries()) {
      const alone = index % 2 === 0;
      test(`at ${part.toFixed(3)}: dfget ${alone ? "goes on alone" : "goes on when it is back"}`, async () => {
        const { path, url, name } = at.object(part);
        const first = at.cluster.dfget(host, url, name, alone ? [] : ["--no-back-to-source"]);
        await at.sent(path, part);
        await host.end("SIGKILL");
        if (alone) await goesOnAlone(first, name, path);
        await host.start();
        if (!alone) await goesOnAfterwards(first, url, name, path);
      });
    }

    async function goesOnAlone(dfget: Dfget, name: string, path: string): Promise<void> {
      const has = journalHas(outputJournal(dfget.output));
      const asked = at.cluster.origin.requestsOf(path).length;
      at.cluster.assertIntact(await dfget.outcome, name, path);
      assert.ok(at.bytesSince(path, Math.max(1, asked)) <= sizeBytes - has, `${has} held`);
    }

    async function goesOnAfterwards(dfget: Dfget, url: string, name: string, path: string): Promise<void> {
      const { status, stderr } = await dfget.outcome;
      assert.equal(status, 105, stderr);
      const has = journalHas(outputJournal(dfget.output));
      const outcome = await at.cluster.dfget(host, url, name, ["--json"]).outcome;
      at.cluster.assertIntact(outcome, name, path);
      const got = bytesGot(outcome.stdout);
      assert.ok(got.origin + got.peers <= sizeBytes - has, `${JSON.stringify(got)} again, ${has} held`);
      assert.ok(at.cluster.origin.bodyBytes(path) <= 1.01 * sizeBytes, "the manager asked for each byte once");
    }
  });

  describe("of the manager", oneByOne, () => {
    const at = scene("d");
    let manager: Role;
    let hosts: Role[];
    before(async () => {
      manager = await at.cluster.manager();
      hosts = await at.cluster.daemons(2, manager);
    });
    for (const part of partsOf(4)) {
      test(`at ${part.toFixed(3)}: it goes on from its cache, and so do its hosts`, async () => {
        const { path, url, name } = at.object(part);
        const known = new Set(journals(manager));
        const running = hosts.map((host) => at.cluster.dfget(host, url, `${name}-${host.name}`));
        await at.sent(path, part);
        await manager.end("SIGKILL");
        const own = journals(manager).find((found) => !known.has(found));
        const has = own === undefined ? 0 : journalHas(own);
        const asked = at.cluster.origin.requestsOf(path).length;
        await manager.start();
        for (const [index, { outcome }] of running.entries()) {
          at.cluster.assertIntact(await outcome, `${name}-h${index + 1}`, path);
        }
        const again = at.bytesSince(path, asked);
        assert.ok(again <= sizeBytes - has, `${again} again, ${has} held`);
      });
    }

    function journals(role: Role): string[] {
      const folder = `${role.dataDirectory}/cluster-manager/tasks`;
      const names = fs.readdirSync(folder, { recursive: true }) as string[];
      return names.filter((found) => found.endsWith("/journal")).map((found) => `${folder}/${found}`);
    }
  });
});
