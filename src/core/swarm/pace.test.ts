/** How often hosts and their manager speak, by their number. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { gatherNewsMs, listEveryMs, Pace, scarcePieces } from "./pace.ts";

test("few hosts report twice a second, ten thousand every two seconds; both hear news as their number allows", () => {
  for (const [count, reportMs, listMs] of [
    [1, 500, 100],
    [100, 500, 100],
    [1_000, 500, 200],
    [5_000, 1_000, 1_000],
    [10_000, 2_000, 2_000],
    [100_000, 2_000, 2_000],
  ] as const) {
    const pace = new Pace();
    for (let host = 0; host < count; host++) pace.heard({ host }, 1_000 + host / count);
    assert.equal(pace.reportEveryMs, reportMs, `${count} hosts`);
    assert.equal(listEveryMs(count, scarcePieces), listMs, `${count} hosts`);
    assert.equal(listEveryMs(count, 1), count <= 100 ? gatherNewsMs : listMs, `${count} hosts, few pieces`);
  }
});

test("a host counts once however often it reports, and no longer once it is done", () => {
  const pace = new Pace();
  const hosts = Array.from({ length: 6_000 }, (_, host) => ({ host }));
  const report = (count: number, fromMs: number): void => {
    for (let nowMs = fromMs; nowMs < fromMs + 90_000; nowMs += 1_000)
      for (const host of hosts.slice(0, count)) pace.heard(host, nowMs);
  };
  report(1_000, 0);
  assert.equal(pace.reportEveryMs, 500);
  report(6_000, 90_000);
  assert.equal(pace.reportEveryMs, 2_000);
  report(1, 180_000);
  assert.equal(pace.reportEveryMs, 500);
});
