/** When a host takes another manager for its home: for a clearly shorter round trip, and never back and forth. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { ManagerEntry } from "./manager.ts";
import { RoundTrips } from "./round-trips.ts";

const manager = (id: string, facts: Partial<ManagerEntry> = {}): ManagerEntry => ({
  id,
  url: `http://${id}`,
  site: "",
  address: "10.0.0.1",
  load: 0,
  version: "1",
  health: "up",
  ...facts,
});
const home = manager("home");

function measured(ms: Readonly<Record<string, number>>): RoundTrips {
  const trips = new RoundTrips();
  for (const [id, each] of Object.entries(ms)) trips.measured(id, each);
  return trips;
}

describe("a nearer home", () => {
  const far = manager("far");
  const near = manager("near");

  test("is one at half the round trip, and a millisecond nearer; of several the nearest", () => {
    const all = [home, far, near];
    assert.equal(measured({ home: 40, far: 20, near: 4 }).nearerThan(home, all), near);
    assert.equal(measured({ home: 40, far: 21 }).nearerThan(home, all), undefined);
    assert.equal(
      measured({ home: 0.9, near: 0.02 }).nearerThan(home, all),
      undefined,
      "one local network is one place",
    );
    assert.equal(measured({ near: 1 }).nearerThan(home, all), undefined, "how far the home is is not known");
  });

  test("is healthy, not overloaded, and in the host's own site if the home is", () => {
    const trips = measured({ home: 40, near: 1 });
    const mayBe = (facts: Partial<ManagerEntry>, of: Partial<ManagerEntry> = {}): boolean =>
      trips.nearerThan(manager("home", of), [manager("near", facts)]) !== undefined;
    assert.equal(mayBe({}), true);
    assert.equal(mayBe({ health: "draining" }), false);
    assert.equal(mayBe({ health: "late" }), false);
    assert.equal(mayBe({ load: 0.7 }), true, "a round trip comes before load");
    assert.equal(mayBe({ load: 1 }), false);
    assert.equal(mayBe({ load: 1 }, { load: 1 }), true);
    assert.equal(mayBe({}, { near: true }), false);
    assert.equal(mayBe({ near: true }, { near: true }), true);
  });

  test("who moves stays: whatever the round trips, none of the others is nearer than the new home", () => {
    const far = fc.double({ min: 0.01, max: 500, noNaN: true });
    fc.assert(
      fc.property(fc.array(far, { minLength: 2, maxLength: 8 }), (distances) => {
        const managers = distances.map((_, at) => manager(`m${at}`));
        const trips = measured(Object.fromEntries(distances.map((ms, at) => [`m${at}`, ms])));
        const moved = trips.nearerThan(managers[0]!, managers);
        assert.equal(moved === undefined ? undefined : trips.nearerThan(moved, managers), undefined);
      }),
    );
  });

  test("what was measured last counts", () => {
    const trips = measured({ home: 4, near: 3 });
    trips.measured("home", 50);
    assert.equal(trips.nearerThan(home, [home, near]), near);
  });
});
