/** Rarest first, against a twin that sorts everything. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Bitfield } from "#base/mod.ts";
import { Rarity } from "./rarity.ts";

function bitfield(bits: readonly boolean[]): Bitfield {
  const field = new Bitfield(bits.length);
  for (const [index, bit] of bits.entries()) if (bit) field.set(index);
  return field;
}

describe("rarity", () => {
  test("property: the chosen are eligible, different, and none left out is rarer", () => {
    const anyPeers = fc.array(fc.array(fc.boolean(), { maxLength: 100, size: "max" }), { maxLength: 20, size: "max" });
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        anyPeers,
        fc.nat(100),
        fc.nat(60),
        fc.array(fc.nat(99)),
        unit,
        (peers, pieces, count, barred, chance) => {
          const rarity = new Rarity();
          for (const peer of peers) rarity.addAll(bitfield(peer));
          const leaving = peers.slice(0, 2);
          for (const peer of leaving) rarity.removeAll(bitfield(peer));
          const copies = (index: number): number => peers.slice(2).filter((peer) => peer[index] === true).length;
          const eligible = Array.from({ length: pieces }, (_, index) => index).filter(
            (index) => !barred.includes(index),
          );
          const field = new Bitfield(pieces);
          for (let index = 0; index < pieces; index++) field.set(index);
          for (const index of field.indices()) rarity.open(index);
          for (const index of barred) rarity.close(index);
          const chosen = rarity.rarest(field, count, () => chance);
          assert.equal(new Set(chosen).size, Math.min(count, eligible.length));
          assert.ok(chosen.every((index) => eligible.includes(index)));
          const sorted = eligible.map(copies).sort((a, b) => a - b);
          assert.deepEqual(chosen.map(copies), sorted.slice(0, count));
        },
      ),
    );
  });

  test("ties fall differently for different hosts", () => {
    const field = bitfield(Array.from({ length: 64 }, () => true));
    const first = (chance: number): number => {
      const rarity = new Rarity();
      for (const index of field.indices()) rarity.open(index);
      return rarity.rarest(field, 1, () => chance)[0]!;
    };
    assert.equal(new Set([0, 0.25, 0.5, 0.75].map(first)).size, 4);
  });
});
