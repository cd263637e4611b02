/** What a manager tells of itself in /metrics. */

import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { TaskCache } from "#storage/pieces/mod.ts";
import type { Uploads } from "#transfer/mod.ts";
import type { Crowds } from "./colleagues/mod.ts";

export interface ManagerFigures {
  readonly trust: boolean;
  readonly cache: TaskCache;
  readonly uploads: Uploads;
  readonly hosts: () => number;
  readonly hostsShutOut: () => number;
  readonly crowds: Pick<Crowds, "delegated" | "helped">;
  readonly tasks: () => number;
  readonly originBytes: () => number;
}

export function registerManagerMetrics(metrics: Metrics, figures: ManagerFigures): void {
  const { trust, cache, uploads, hosts, hostsShutOut, crowds, tasks, originBytes } = figures;
  metrics.gauge("darner_trust", "1 while processes must know each other, 0 with --trust off", () => (trust ? 1 : 0));
  metrics.gauge("darner_hosts", "hosts connected to this manager", hosts);
  metrics.gauge("darner_hosts_shut_out", "hosts that send wrong bytes and are nobody's parents", hostsShutOut);
  const sent = (): number => crowds.delegated;
  const helped = (): number => crowds.helped;
  metrics.gauge("darner_hosts_delegated", "asks of hosts that were sent to the manager near them", sent);
  metrics.gauge("darner_hosts_helped", "asks of hosts that this manager took in the owner's place", helped);
  metrics.gauge("darner_tasks", "tasks in memory", tasks);
  metrics.gauge("darner_origin_bytes", "body bytes taken from origins since start", originBytes);
  metrics.gauge("darner_upload_bytes", "piece bytes sent to hosts since start", () => uploads.bytesTotal);
  metrics.gauge("darner_uploads_active", "pieces being sent", () => uploads.active);
  metrics.gauge("darner_cache_bytes", "bytes of objects kept", () => cache.usedBytes);
  metrics.gauge("darner_cache_objects", "objects kept", () => cache.count);
}
