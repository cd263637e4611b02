/** The growing manifest as hosts hear it: each line once and in order; to many slowly, and never all at once. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bitfield } from "#base/mod.ts";
import type { ManagerMessage } from "#core/protocol/mod.ts";
import { listSlice } from "#core/swarm/mod.ts";
import { SimClock } from "#platform/machine/clock.sim.ts";
import { newSigningKey } from "#platform/keys/signing.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import { Manifest } from "#transfer/mod.ts";
import { Listing } from "./listing.ts";
import type { VersionHost } from "../hosts/mod.ts";

class Listener implements VersionHost {
  readonly card;
  readonly caller = "far";
  readonly heard: { readonly message: ManagerMessage; readonly atMs: number }[] = [];
  readonly #clock: SimClock;

  constructor(id: string, clock: SimClock) {
    this.card = { id, name: id, site: "", address: "10.0.0.1", port: 1 };
    this.#clock = clock;
  }

  send(message: ManagerMessage): void {
    this.heard.push({ message, atMs: this.#clock.nowMs() });
  }

  ticket(): undefined {
    return undefined;
  }

  async recall(): Promise<undefined> {}

  get pieces(): number[] {
    return this.heard.flatMap(({ message }) => (message.kind === "listed" ? message.indices : []));
  }

  /** Why a host would refuse what it heard: each message has to be signed in its place. */
  get refusals(): (string | null)[] {
    const manifest = new Manifest(head, key.publicKey);
    return this.heard.map(({ message }) => {
      if (message.kind === "ended") return manifest.finish(message);
      return message.kind === "listed" ? manifest.list(message) : null;
    });
  }
}

const head = { task: "t", generation: "g", pieceBytes: 65_536, url: "http://origin/a" };
const key = newSigningKey();

function newListing(count: number) {
  const clock = new SimClock();
  const store = {
    have: new Bitfield(0),
    end: undefined as unknown,
    digestOf: (index: number) => new Uint8Array(32).fill(index),
  };
  const listing = new Listing({
    clock,
    head,
    sign: (seal) => key.sign("manifest", seal),
    store: store as unknown as PieceFile,
  });
  const hosts = Array.from({ length: count }, (_, number) => new Listener(`h${number}`, clock));
  const end = (): void => {
    store.end = { lengthBytes: 1, digests: [] };
    listing.ended();
  };
  for (const host of hosts) listing.join(host);
  return { clock, listing, hosts, end };
}

describe("the listing", () => {
  test("five thousand hosts hear every piece once and in order, then the end, at most a message a second", () => {
    const { clock, listing, hosts, end } = newListing(5_000);
    for (let piece = 0; piece < 200; piece++) {
      clock.advance(50);
      listing.stored(piece);
    }
    end();
    clock.advance(5_000);
    for (const host of hosts) {
      assert.deepEqual(
        host.pieces,
        Array.from({ length: 200 }, (_, piece) => piece),
      );
      assert.equal(host.heard.at(-1)?.message.kind, "ended");
      // Ten seconds of news a second apart, beside the first rounds and the last, which hurry.
      assert.ok(host.heard.length <= 14, `${host.heard.length} messages`);
    }
    assert.equal(clock.pending, 0);
  });

  test("one message for all of a slice, and never more than a slice in one turn", () => {
    const { clock, listing, hosts } = newListing(1_000);
    clock.advance(1_000);
    listing.stored(0);
    clock.advance(1_000);
    const atOnce = Map.groupBy(
      hosts.flatMap(({ heard }) => heard),
      ({ atMs }) => atMs,
    );
    for (const told of atOnce.values()) {
      assert.ok(told.length <= listSlice.hosts);
      assert.equal(new Set(told.map(({ message }) => message)).size, 1);
    }
    assert.equal(atOnce.size, 1_000 / listSlice.hosts);
  });

  test("the first piece reaches a small swarm at once", () => {
    const { clock, listing, hosts } = newListing(20);
    clock.advance(500);
    listing.stored(7);
    clock.advance(25);
    for (const host of hosts) assert.deepEqual(host.pieces, [7]);
  });

  test("who is told in between, comes late or leaves hears nothing twice and misses nothing", () => {
    const { clock, listing, hosts, end } = newListing(2_000);
    const [early, late, gone] = [hosts[1_500]!, new Listener("late", clock), hosts[1_999]!];
    clock.advance(1_000);
    for (let piece = 0; piece < 40; piece++) {
      listing.stored(piece);
      clock.advance(40);
      if (piece % 7 === 0) listing.tell(early);
      if (piece === 20) listing.join(late);
      if (piece === 30) listing.leave(gone);
    }
    end();
    clock.advance(3_000);
    const all = Array.from({ length: 40 }, (_, piece) => piece);
    assert.deepEqual(early.pieces, all);
    assert.deepEqual(late.pieces, all);
    assert.ok(gone.pieces.length < 40);
    for (const host of [early, late, gone, hosts[0]!]) assert.deepEqual(new Set(host.refusals), new Set([null]));
    listing.stop();
    assert.equal(clock.pending, 0);
  });
});
