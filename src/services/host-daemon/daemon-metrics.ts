/** What the daemon tells of itself in /metrics. */

import type { BytesBySource } from "#core/protocol/mod.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { Limiter, Uploads } from "#transfer/mod.ts";

export interface DaemonFigures {
  readonly trust: boolean;
  readonly uploads: Uploads;
  readonly limits: Readonly<Record<string, Limiter>>;
  readonly managerConnected: () => boolean;
  readonly tasks: () => number;
  readonly downloads: () => number;
  readonly parents: () => number;
  readonly finished: () => BytesBySource;
}

export function registerDaemonMetrics(metrics: Metrics, figures: DaemonFigures): void {
  const { trust, uploads, limits, managerConnected, tasks, downloads, parents, finished } = figures;
  metrics.gauge("darner_trust", "1 while processes must know each other, 0 with --trust off", () => (trust ? 1 : 0));
  metrics.gauge("darner_manager_connected", "1 while a manager answers", () => (managerConnected() ? 1 : 0));
  metrics.gauge("darner_tasks", "tasks being got or served", tasks);
  metrics.gauge("darner_downloads_active", "clients that wait for an object", downloads);
  metrics.gauge(
    "darner_download_bytes",
    "bytes of finished downloads by where they came from",
    () => Object.entries(finished()).map(([source, value]) => ({ labels: { source }, value: value as number })),
    ["source"],
  );
  metrics.gauge("darner_upload_bytes", "piece bytes sent to peers since start", () => uploads.bytesTotal);
  metrics.gauge("darner_uploads_active", "pieces being sent", () => uploads.active);
  metrics.gauge("darner_upload_connections", "peers connected to fetch", () => uploads.connections);
  metrics.gauge("darner_parent_connections", "connections to parents", parents);
  metrics.gauge(
    "darner_limited_bytes",
    "bytes counted where the host's limits apply",
    () => Object.entries(limits).map(([limit, limiter]) => ({ labels: { limit }, value: limiter.bytesTotal })),
    ["limit"],
  );
}
