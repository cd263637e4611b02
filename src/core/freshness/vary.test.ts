/** `Vary` as an origin may write it. Names that every object of the language has were found by the fuzzer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { varyKey, varyMatches } from "./vary.ts";

test("a field that the request has not is empty, whatever it is called", () => {
  const key = varyKey({ vary: "constructor, toString, __proto__, Accept" }, { accept: "a , b" });
  assert.notEqual(key, "*");
  assert.deepEqual({ ...(key as object) }, { constructor: "", tostring: "", accept: "a,b" });
  assert.ok(varyMatches(key, { Accept: "a,b" }));
});
