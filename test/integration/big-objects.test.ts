/** Parts of an object of 34 GB, around the places where 31 and 32 bits end, through a daemon. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf, type ObjectScript } from "../origin/mod.ts";
import { inCluster } from "./cluster.ts";

const object: ObjectScript = { body: { sizeBytes: 2 ** 35 + 1, seed: 70 }, etag: '"big"' };
const edges = [2 ** 31, 2 ** 32, 2 ** 35];

test("parts around 2^31, 2^32 and the end of 2^35 + 1 bytes are what they should be", async () => {
  await inCluster(async (cluster) => {
    const host = await cluster.daemon("h1", undefined);
    const url = cluster.serve("/big", object);
    for (const edge of edges) {
      const [first, last] = [edge - 1000, Math.min(edge + 1000, 2 ** 35)];
      const expected = Buffer.from(contentOf(object, 1).read(first, last + 1));
      const outcome = await cluster.dfget(host, url, "-", ["--range", `${first}-${last}`, "--timeout", "30s", "-q"])
        .outcome;
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.ok(Buffer.from(outcome.stdout, "latin1").equals(expected), `around ${edge}`);
    }
  });
});
