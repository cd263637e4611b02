/** A benchmark's help is its own head. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { helpOf } from "./flags.ts";

test("the head comment and the flags, with what they are unless given", () => {
  const source = "/**\n * `npm run x`: what it is.\n *\n *     an example\n */\n\nimport\n/** another */\n";
  const options = { hosts: { type: "string", default: "8" }, keep: { type: "boolean", default: false } } as const;
  assert.equal(
    helpOf(source, options),
    "`npm run x`: what it is.\n\n    an example\n\nFlags, with what they are unless given:\n  --hosts (8)\n  --keep\n",
  );
});
