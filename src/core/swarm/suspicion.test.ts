/** Who is shut out: whoever the manager saw lie, and nobody on the word of a few. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Suspicion } from "./suspicion.ts";

const says = (accuser: string, accused: string, hosts = 8, address = accuser) => ({ accuser, accused, address, hosts });

test("one look at a time; its outcome is shared by all who accused meanwhile", () => {
  const suspicion = new Suspicion();
  assert.equal(suspicion.accuse(says("a", "x")), "check");
  assert.equal(suspicion.accuse(says("b", "x")), "nothing");
  assert.equal(suspicion.judged("x", "wrong"), true);
  assert.ok(suspicion.isShutOut("x"));
  assert.equal(suspicion.accuse(says("c", "x")), "nothing", "it is out already");
  assert.equal(suspicion.accuse(says("x", "c")), "nothing", "and its own word counts for nothing");
});

test("several accusers at one address are one voice", () => {
  const suspicion = new Suspicion();
  for (const accuser of ["a", "b", "c", "d"]) {
    assert.notEqual(suspicion.accuse(says(accuser, "x", 8, "10.0.0.1")), "shut-out");
    suspicion.judged("x", "unknown");
  }
  assert.notEqual(suspicion.accuse(says("e", "x")), "shut-out");
  assert.equal(suspicion.accuse(says("f", "x")), "shut-out");
});

test("who was refuted about a liar that is caught later is believed again", () => {
  const suspicion = new Suspicion();
  for (const liar of ["x", "y", "z"]) {
    assert.equal(suspicion.accuse(says("a", liar)), "check");
    suspicion.judged(liar, "right");
  }
  assert.equal(suspicion.accuse(says("a", "w")), "nothing");
  assert.equal(suspicion.accuse(says("b", "x")), "check");
  assert.ok(suspicion.judged("x", "wrong"));
  assert.equal(suspicion.accuse(says("a", "w")), "check");
});

test("property: fewer than a quarter of false accusers shut no honest host out, however they share their words", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 12, max: 60 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom("right" as const, "unknown" as const)), { maxLength: 400 }),
      (hosts, words) => {
        const suspicion = new Suspicion();
        const accusers = Math.ceil(hosts / 4) - 1;
        for (const [by, against, verdict] of words) {
          const accused = `h${accusers + (against % (hosts - accusers))}`;
          const next = suspicion.accuse(says(`h${by % accusers}`, accused, hosts));
          if (next === "check") suspicion.judged(accused, verdict);
        }
        assert.equal(suspicion.shutOut, 0);
      },
    ),
  );
});
