/** Names under an address rule: only what passes is dialled, and a name that changes its answer is judged each time. */

import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { test } from "node:test";
import { ruledLookup } from "./address-rule.node.ts";

const rule = { refusal: (address: string) => (address.startsWith("127.") ? "its address is loopback" : null) };

/** What a connection would get of a name that resolves to these, one answer after the other. */
function lookupOf(...answers: readonly (readonly string[])[]) {
  let asked = 0;
  const lookup = ruledLookup(rule, (_, done) => {
    const found: LookupAddress[] = answers[asked++]!.map((address) => ({ address, family: 4 }));
    done(null, found);
  });
  return (all: boolean): unknown => {
    let got: unknown;
    lookup("name.example", { all }, (error, address) => (got = error?.message ?? address));
    return got;
  };
}

test("of several addresses only those that pass are dialled", () => {
  const ask = lookupOf(["127.0.0.1", "192.0.2.7", "127.0.0.2"]);
  assert.deepEqual(ask(true), [{ address: "192.0.2.7", family: 4 }]);
});

test("a name that answers well once and with loopback the next time is refused the next time", () => {
  const ask = lookupOf(["192.0.2.7"], ["127.0.0.1"], ["127.0.0.1"]);
  assert.equal(ask(false), "192.0.2.7");
  assert.equal(ask(false), "its address is loopback");
  assert.equal(ask(true), "its address is loopback");
});

test("a name without an address is refused", () => {
  assert.equal(lookupOf([])(true), "it has no address");
});
