/**
 * Container engines in trouble, four sorts of it: each ends with the right image or with what is wrong.
 * All faults, for every engine: `npm run matrix`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { programsOf, type ClientName } from "../images/clients.ts";
import { meetFaults, type FaultCell } from "../images/faults.ts";
import { missing } from "../images/registry.ts";

const root = process.getuid?.() === 0 ? false : "needs root: container engines";
/** podman and buildah pull with skopeo's code. */
const engines: readonly ClientName[] = ["skopeo", "containerd", "docker"];
const four = ["wrong bytes", "authority not trusted", "cut in mid-blob", "peer dies in mid-pull"];

for (const name of engines) {
  const skip = root === false ? missing("docker-registry", "skopeo", ...programsOf[name]) : root;
  test(`${name} in trouble ends with the right image or with what is wrong`, { skip, timeout: 85_000 }, async () => {
    const cells: FaultCell[] = [];
    await meetFaults(name, (cell) => cells.push(cell), four);
    assert.equal(cells.length, four.length);
    for (const { fault, ended, why } of cells) assert.notEqual(ended, "WRONG", `${fault}: ${why}`);
  });
}
