/** A host that is behind the others gets one parent more, for as long as it is behind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitfield } from "#base/mod.ts";
import { balance } from "./balance.ts";
import { link, Member } from "./members.ts";

const pieces = 1000;
const anybody = (): boolean => true;

/** Came at 0 with nothing. */
function memberOf(id: string): Member {
  return new Member({ id, name: id, site: "", address: "", port: 0 }, new Bitfield(pieces), 0);
}

/** It has told so at this time. */
function hold(member: Member, from: number, to: number, nowMs = 1000): void {
  member.tells(
    Array.from({ length: to - from }, (_, place) => from + place),
    nowMs,
  );
}

/** Ten hosts that have 100 pieces each, and a slower one with eight of them for parents. */
function crowdAndLate(held: number): { readonly crowd: readonly Member[]; readonly late: Member } {
  const late = memberOf("late");
  const crowd = Array.from({ length: 10 }, (_, number) => memberOf(`h${number}`));
  for (const member of crowd) hold(member, 0, 100);
  for (const parent of crowd.slice(0, 8)) link(late, parent);
  hold(late, 0, held);
  return { crowd, late };
}

test("a host that is behind gets one parent more, and gives the busiest back when it has caught up", () => {
  const { crowd, late } = crowdAndLate(85);
  assert.equal(balance(late, crowd, anybody, 1000), true);
  assert.equal(late.parents.size, 9);

  for (const child of ["a", "b", "c"]) link(memberOf(child), crowd[3]!);
  hold(late, 85, 100);
  assert.equal(balance(late, crowd, anybody, 1000), true);
  assert.equal(late.parents.size, 8);
  assert.equal(late.parents.has(crowd[3]!), false, "the busiest one is given back");
});

test("what others have got since they told last does not hide that a host is behind", () => {
  const { crowd, late } = crowdAndLate(0);
  hold(late, 20, 190, 2000);
  assert.equal(balance(late, crowd, anybody, 2000), true, "they had 100 a second ago: it should have 200");
  assert.equal(late.parents.size, 9);
});

test("a host that is a little behind, or far, keeps the parents it has", () => {
  for (const held of [95, 40]) {
    const { crowd, late } = crowdAndLate(held);
    assert.equal(balance(late, crowd, anybody, 1000), false, `with ${held} of 100 pieces`);
    assert.equal(late.parents.size, 8);
  }
});

/** Gives the parent so many children more. */
function feed(parent: Member, count: number, piecesEach = 100): void {
  for (let number = 0; number < count; number++) {
    const child = memberOf(`child${number}`);
    hold(child, 0, piecesEach);
    link(child, parent);
  }
}

test("a parent that feeds more than its line is for makes room for another, whoever may not feed is passed over", () => {
  const { crowd, late } = crowdAndLate(95);
  feed(crowd[3]!, 9);
  assert.equal(
    balance(late, crowd, () => false, 1000),
    false,
  );
  assert.equal(balance(late, crowd, anybody, 1000), true);
  assert.equal(late.parents.size, 8);
  assert.equal(late.parents.has(crowd[3]!), false);
  assert.equal(late.parents.has(crowd[8]!) || late.parents.has(crowd[9]!), true);
});

test("a parent on a slow line is for fewer children, and children on slow lines count for less", () => {
  for (const [parentPieces, childPieces, makesRoom] of [
    [100, 100, false],
    [25, 100, true],
    [25, 25, false],
  ] as const) {
    const { crowd, late } = crowdAndLate(95);
    const parent = memberOf("parent");
    hold(parent, 900, 900 + parentPieces);
    link(late, parent);
    feed(parent, 4, childPieces);
    assert.equal(balance(late, [...crowd, parent], anybody, 1000), makesRoom, `${parentPieces}, ${childPieces}`);
    assert.equal(late.parents.has(parent), !makesRoom);
  }
});

test("a host on a slow line is held against others on such lines", () => {
  const { crowd, late } = crowdAndLate(60);
  for (let number = 0; number < 3; number++) {
    const slow = memberOf(`slow${number}`);
    hold(slow, 500, 574);
    assert.equal(balance(late, [...crowd, slow], anybody, 1000), true, "it is 14 behind them");
    assert.equal(late.parents.size, 9 + number);
  }
});
