/**
 * One object from parents to a child over connections without sockets: the parents' Uploads, the
 * child's pool, connection and transfer, all with one clock that a test moves.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesEqual } from "#base/mod.ts";
import type { ManifestHead, ParentOffer } from "#core/protocol/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { sha256 } from "#platform/keys/digest.ts";
import { SimDisk } from "#platform/files/disk.sim.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import { PieceFile } from "#storage/pieces/mod.ts";
import { MemoryNetwork } from "../../../test/memory-network.ts";
import { Limiter } from "../limits/mod.ts";
import { joinDigests, Manifest } from "../manifest/mod.ts";
import { ParentPool } from "./parent-pool.ts";
import { SwarmTransfer } from "./swarm-transfer.ts";
import { signTicket, ticketRefusal } from "../control/mod.ts";
import { Uploads } from "./uploads.ts";

const pieceBytes = 5000;
const content = Uint8Array.from({ length: 7 * pieceBytes + 123 }, (_, index) => (index * 17 + (index >> 8)) & 0xff);
const pieces = 8;
const pieceOf = (index: number): Uint8Array => content.subarray(index * pieceBytes, (index + 1) * pieceBytes);
const head: ManifestHead = {
  task: "t",
  generation: "g",
  pieceBytes,
  lengthBytes: content.length,
  url: "http://origin/",
};
const all = Array.from({ length: pieces }, (_, index) => index);
const managerKey = newSigningKey();
const childKey = newSigningKey();

class World {
  readonly clock = new SimClock();
  readonly network: MemoryNetwork;
  readonly pool: ParentPool;
  readonly uploads = new Map<string, Uploads>();
  readonly trust: boolean;

  constructor(options: { trust?: boolean; cut?: (bytes: number) => number } = {}) {
    this.trust = options.trust ?? false;
    this.network = new MemoryNetwork(this.clock, options.cut);
    const key = this.trust ? { key: childKey } : {};
    const limiter = new Limiter(this.clock, Infinity);
    this.pool = new ParentPool({
      clock: this.clock,
      dialler: this.network.dialler,
      limiter,
      host: childKey.id,
      ...key,
    });
  }

  async store(held: readonly number[]): Promise<PieceFile> {
    const disk = new SimDisk();
    const journal = await disk.open("/journal", "keep");
    const file = await PieceFile.open({
      content: await disk.open("/content", "keep"),
      journal,
      boot: new Uint8Array(8),
      clock: this.clock,
    });
    await file.begin({ kind: "object", url: head.url, generation: "g", pieceBytes, lengthBytes: content.length });
    for (const index of held) await file.put(index, pieceOf(index), sha256(pieceOf(index)));
    return file;
  }

  async parent(id: string, held: readonly number[], seed = false): Promise<ParentOffer> {
    const { clock, trust } = this;
    const refusal = (request: { task: string; ticket?: string }, host: string): string | null =>
      trust
        ? ticketRefusal(request.ticket, { task: request.task, host }, [managerKey.publicKey], clock.wallMs())
        : null;
    const limiter = new Limiter(clock, Infinity);
    const uploads = new Uploads({ clock, log: silentLog, limiter, slots: 2, refusal, trust });
    uploads.serve({ task: head.task, generation: head.generation, store: await this.store(held) });
    this.uploads.set(id, uploads);
    this.network.listen(id, {
      accept(connection, options) {
        const nonce = `${id}:nonce`;
        const accepted = uploads.accept(connection, options.headers["Darner-Host"]!, nonce);
        return {
          headers: { "darner-nonce": nonce },
          received: (b) => accepted.received(b),
          ended: () => accepted.ended(),
        };
      },
    });
    return { id, address: id, port: 1, seed };
  }

  async transfer(listed: readonly number[] = all, ticket?: string): Promise<Child> {
    const manifest = new Manifest(head);
    const store = await this.store([]);
    const child = new Child(this, manifest, store, ticket);
    child.list(listed);
    return child;
  }
}

class Child {
  readonly transfer: SwarmTransfer;
  readonly manifest: Manifest;
  readonly store: PieceFile;
  readonly accused: string[] = [];
  readonly stored: number[] = [];
  finished = false;
  #lines = 0;

  constructor(world: World, manifest: Manifest, store: PieceFile, ticket: string | undefined) {
    this.manifest = manifest;
    this.store = store;
    const { clock, pool } = world;
    this.transfer = new SwarmTransfer({
      clock,
      pool,
      manifest,
      store,
      random: nodeRandom,
      log: silentLog,
      limiter: new Limiter(clock, Infinity),
      ticket: () => ticket,
      onStored: (index) => void this.stored.push(index),
      onAccuse: (parent, index) => void this.accused.push(`${parent} ${index}`),
      onFinished: () => (this.finished = true),
      onFailed: (error) => assert.fail(String(error)),
    });
  }

  list(indices: readonly number[]): void {
    const digests = joinDigests(indices.map((index) => sha256(pieceOf(index))));
    assert.equal(this.manifest.list({ from: this.#lines, indices, digests }), null);
    this.#lines += indices.length;
    this.transfer.listed(indices);
  }

  end(): void {
    this.manifest.finish({ lengthBytes: content.length, digests: [] });
    this.transfer.ended();
  }

  async check(): Promise<void> {
    assert.ok(this.finished);
    assert.deepEqual(
      [...this.stored].sort((a, b) => a - b),
      all,
    );
    const bytes = new Uint8Array(content.length);
    await this.store.content.read(bytes, 0);
    assert.ok(bytesEqual(bytes, content));
  }
}

describe("a transfer from parents", () => {
  test("property: however the bytes are cut on their way, the object arrives whole", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 2 ** 31 - 2 }),
        fc.integer({ min: 200, max: 9000 }),
        async (seed, max) => {
          let state = seed;
          const world = new World({ cut: () => 1 + ((state = Math.imul(state, 48271) & 0x7fffffff) % max) });
          const child = await world.transfer();
          child.transfer.parents([await world.parent("a", [0, 1, 2, 3, 7]), await world.parent("m", all, true)]);
          child.end();
          await world.clock.settle(3_000);
          await child.check();
        },
      ),
      { numRuns: 25 },
    );
  });

  test("pieces are wanted when they are listed and held, also while both lists still grow", async () => {
    const world = new World();
    const child = await world.transfer([0, 1]);
    const offer = await world.parent("m", [0], true);
    child.transfer.parents([offer]);
    await world.clock.settle(500);
    assert.deepEqual(child.stored, [0]);
    const uploads = world.uploads.get("m")!;
    child.list(all.slice(2));
    child.end();
    assert.equal(child.finished, false);
    await world.clock.settle(500);
    assert.deepEqual(child.stored, [0]);
    const parents = await world.parent("late", all);
    child.transfer.parents([offer, parents]);
    await world.clock.settle(2_000);
    await child.check();
    assert.ok(uploads.bytesOf("t", "g") <= pieceBytes);
  });

  test("bytes that the manifest does not vouch for are never stored; their sender is accused and left", async () => {
    const world = new World();
    const child = await world.transfer();
    const offers = [await world.parent("liar", all), await world.parent("b", all)];
    world.network.listen("liar", spoiling(world, "liar"));
    child.transfer.parents(offers);
    child.end();
    await world.clock.settle(5_000);
    await child.check();
    assert.equal(child.accused.length, 1);
    assert.match(child.accused[0]!, /^liar /);
  });

  test("a parent that falls silent is given up, and another one finishes", async () => {
    const world = new World();
    const child = await world.transfer();
    child.transfer.parents([await world.parent("a", all)]);
    await world.clock.settle(2);
    for (const connection of world.network.accepted) connection.silent = true;
    await world.clock.settle(1_000);
    child.transfer.parents([await world.parent("a", all), await world.parent("b", all)]);
    child.end();
    await world.clock.settle(15_000);
    await child.check();
  });

  test("nobody listens at first: it is dialled again until somebody does", async () => {
    const world = new World();
    const child = await world.transfer();
    child.transfer.parents([{ id: "a", address: "a", port: 1, seed: false }]);
    child.end();
    await world.clock.settle(3_000);
    assert.equal(child.finished, false);
    await world.parent("a", all);
    await world.clock.settle(20_000);
    await child.check();
  });

  test("a parent whose file was cut short says so and stops; the piece comes from another", async () => {
    const world = new World();
    const child = await world.transfer();
    const short = await world.parent("short", all);
    const broken = await world.store(all);
    await broken.content.truncate(3 * pieceBytes);
    world.uploads.get("short")!.withdraw("t", "g", "replaced");
    world.uploads.get("short")!.serve({ task: "t", generation: "g", store: broken });
    child.transfer.parents([short]);
    child.end();
    await world.clock.settle(2_000);
    assert.equal(child.finished, false);
    assert.equal(world.uploads.get("short")!.serves("t", "g"), false);
    child.transfer.parents([short, await world.parent("b", all)]);
    await world.clock.settle(5_000);
    await child.check();
    assert.deepEqual(child.accused, []);
  });

  test("an output that its user edited is no source any more, and a guard that fails counts as that", async () => {
    for (const intact of [async () => false, async () => await Promise.reject(new Error("closed"))]) {
      const world = new World();
      const child = await world.transfer();
      const offer = await world.parent("a", all);
      world.uploads.get("a")!.guard("t", "g", intact);
      child.transfer.parents([offer]);
      await world.clock.settle(1_000);
      assert.deepEqual(child.stored, []);
      assert.equal(world.uploads.get("a")!.serves("t", "g"), false);
    }
  });

  test("connections that carry no task are closed after a while", async () => {
    const world = new World();
    const child = await world.transfer();
    const withdrawn = await world.parent("a", all);
    world.uploads.get("a")!.withdraw("t", "g", "gone");
    child.transfer.parents([withdrawn, await world.parent("b", all)]);
    child.end();
    await world.clock.settle(2_000);
    await child.check();
    assert.ok(world.pool.size > 0);
    await world.clock.settle(60_000);
    assert.equal(world.pool.size, 0);
  });
});

/** A parent that sends what nobody vouches for. */
function spoiling(world: World, id: string): Parameters<MemoryNetwork["listen"]>[1] {
  return {
    accept(connection, options) {
      connection.spoil = (bytes) => void (bytes[0]! ^= 1);
      const accepted = world.uploads.get(id)!.accept(connection, options.headers["Darner-Host"]!, "");
      return { headers: {}, received: (b) => accepted.received(b), ended: () => accepted.ended() };
    },
  };
}

describe("the right to a task", () => {
  const play = async (ticket: string | undefined): Promise<boolean> => {
    const world = new World({ trust: true });
    const child = await world.transfer(all, ticket);
    child.transfer.parents([await world.parent("a", all)]);
    child.end();
    await world.clock.settle(3_000);
    return child.finished;
  };
  const nowMs = new SimClock().wallMs();

  test("with a ticket for this host and task the pieces come", async () => {
    assert.equal(await play(signTicket(managerKey, "t", childKey.id, nowMs)), true);
  });

  test("without one, or with another's, or an old one, or one of nobody's making, none does", async () => {
    const stranger = newSigningKey();
    const refused = {
      "no ticket": undefined,
      "another task's": signTicket(managerKey, "other", childKey.id, nowMs),
      "another host's": signTicket(managerKey, "t", stranger.id, nowMs),
      "an old one": signTicket(managerKey, "t", childKey.id, nowMs - 3_600_000),
      "a forged one": signTicket(stranger, "t", childKey.id, nowMs),
      "rubbish": "rubbish.rubbish",
    };
    for (const [name, ticket] of Object.entries(refused)) assert.equal(await play(ticket), false, name);
  });
});
