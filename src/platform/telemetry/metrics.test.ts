/** What a Prometheus server reads from a role. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeMetrics } from "./metrics.node.ts";

test("counters, gauges read at the scrape, and histograms come out in the text format", async () => {
  const metrics = createNodeMetrics();
  let waiting = 3;
  const sent = metrics.counter("darner_sent_bytes_total", "Bytes sent.", ["to"]);
  metrics.gauge("darner_waiting", "Waiting.", () => waiting);
  const wait = metrics.histogram("darner_wait_seconds", "Waits.", [0.1, 1]);
  sent.add(10, { to: "peer" });
  sent.add(5, { to: "peer" });
  wait.observe(0.5);
  waiting = 4;
  const text = await metrics.text();
  assert.match(text, /^darner_sent_bytes_total\{to="peer"\} 15$/m);
  assert.match(text, /^darner_waiting 4$/m);
  assert.match(text, /^darner_wait_seconds_bucket\{le="0.1"\} 0$/m);
  assert.match(text, /^darner_wait_seconds_bucket\{le="1"\} 1$/m);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
});

test("a gauge forgets the labels that are gone", async () => {
  const metrics = createNodeMetrics();
  let names = ["a", "b"];
  metrics.gauge("darner_task_peers", "Peers.", () => names.map((task, index) => ({ labels: { task }, value: index })), [
    "task",
  ]);
  assert.match(await metrics.text(), /darner_task_peers\{task="a"\} 0\ndarner_task_peers\{task="b"\} 1/);
  names = ["b"];
  assert.doesNotMatch(await metrics.text(), /task="a"/);
});

test("two roles of one process count apart; a name outside the house style is a bug", async () => {
  const [one, two] = [createNodeMetrics(), createNodeMetrics()];
  one.counter("darner_things_total", "Things.").add(1);
  two.counter("darner_things_total", "Things.").add(2);
  assert.match(await one.text(), /^darner_things_total 1$/m);
  assert.match(await two.text(), /^darner_things_total 2$/m);
  assert.throws(() => one.counter("darner_things", "Things."), /ends in _total/);
  assert.throws(() => one.gauge("things", "Things.", () => 1), /starts with darner_/);
});
