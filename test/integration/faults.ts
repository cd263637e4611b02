/**
 * What no process of a cluster logs where nobody spoiled, lied or broke anything. Much of it heals by
 * itself, so that the transfer is as good as ever, and nobody would ask why it had to.
 */

import assert from "node:assert/strict";

const faults: readonly string[] = [
  "http.failed",
  "http.upgrade-failed",
  "manifest.refused",
  "peer.accused",
  "peer.shut-out",
  "peer.wrong-bytes",
  "piece.spoiled",
  "process.failed",
  "role.stop-timed-out",
  "seal.broken",
  "small-store.failed",
  "takeover.store-failed",
  "task.close-failed",
  "task.not-erased",
];

interface Logged {
  readonly name: string;
  readonly log: string;
  entries(event: string): Record<string, unknown>[];
}

/** Nothing but what the test expects, and nothing that Node itself warns of. */
export function assertSound(roles: readonly Logged[], expected: ReadonlySet<string>): void {
  for (const role of roles) {
    const found = faults.filter((event) => !expected.has(event)).flatMap((event) => role.entries(event));
    assert.deepEqual(found, [], `${role.name} logs no fault`);
    assert.doesNotMatch(role.log, /^\(node:/m, `${role.name} has no warning of Node's`);
  }
}
