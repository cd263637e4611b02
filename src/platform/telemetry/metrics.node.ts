/**
 * The real metrics, over prom-client: a registry of its own for each role, so that several roles in
 * one process stay apart. The process' own figures keep the names every dashboard knows
 * (`process_*`, `nodejs_*`).
 */

import * as prometheus from "prom-client";
import { assert } from "#base/mod.ts";
import type { Labels, Metrics } from "./metrics.ts";

/** How often the loop's delay is sampled; prom-client's own 10 ms would wake an idle host for nothing. */
const loopDelaySampleMs = 50;

export function createNodeMetrics(): Metrics {
  const registry = new prometheus.Registry();
  prometheus.collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: loopDelaySampleMs });
  const common = (name: string, help: string, labelNames: readonly string[]) => {
    assert(name.startsWith("darner_"), `a metric's name starts with darner_: ${name}`);
    return { name, help, labelNames: [...labelNames], registers: [registry] };
  };
  return {
    counter(name, help, labelNames = []) {
      assert(name.endsWith("_total"), `a counter's name ends in _total: ${name}`);
      const counter = new prometheus.Counter(common(name, help, labelNames));
      return {
        add: (amount, labels) => (labels === undefined ? counter.inc(amount) : counter.inc({ ...labels }, amount)),
      };
    },
    gauge(name, help, read, labelNames = []) {
      const collect = (): void => {
        const value = read();
        gauge.reset();
        if (typeof value === "number") gauge.set(value);
        else for (const sample of value) gauge.set({ ...sample.labels }, sample.value);
      };
      const gauge = new prometheus.Gauge({ ...common(name, help, labelNames), collect });
    },
    histogram(name, help, buckets, labelNames = []) {
      const histogram = new prometheus.Histogram({ ...common(name, help, labelNames), buckets: [...buckets] });
      const observe = (value: number, labels: Labels = {}): void => histogram.observe({ ...labels }, value);
      return { observe };
    },
    text: () => registry.metrics(),
  };
}
