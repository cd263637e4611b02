/** The settings of the cluster manager: what it keeps, and what it takes from the origin and gives to hosts. */

import { DarnerError } from "#base/mod.ts";
import { baseSettings, checkTrust, clusterSettings, listenSettings, sealSetting } from "./common.ts";
import { optional } from "./kind.ts";
import { bytes, count, rate, ratio } from "./kinds.ts";
import { reachSettings } from "./reach.ts";
import { setting, settingsGroup } from "./setting.ts";

const cache = "Cache";
const limits = "Limits";

export const clusterManagerSettings = settingsGroup({
  section: "cluster-manager",
  title: "Cluster manager",
  settings: {
    ...baseSettings,
    ...clusterSettings,
    ...listenSettings(8002),
    seal: sealSetting,
    ...reachSettings,
    diskQuotaBytes: setting({
      name: "disk-quota",
      kind: bytes({ min: 64 * 2 ** 20, max: Infinity }),
      default: 100 * 2 ** 30,
      live: true,
      topic: cache,
      help: "bytes of objects kept in the data directory",
    }),
    highWatermark: setting({
      name: "high-watermark",
      kind: ratio({ min: 0.01, max: 1 }),
      default: 0.9,
      live: true,
      topic: cache,
      help: "share of the quota above which objects are evicted",
    }),
    lowWatermark: setting({
      name: "low-watermark",
      kind: ratio({ min: 0, max: 1 }),
      default: 0.8,
      live: true,
      topic: cache,
      help: "share of the quota down to which objects are evicted",
    }),
    pieceBytes: setting({
      name: "piece-bytes",
      kind: optional(bytes({ min: 64 * 2 ** 10, max: 16 * 2 ** 20 })),
      default: { text: "chosen for each object", from: () => undefined },
      topic: cache,
      help: "piece length of every object",
    }),
    originConnections: setting({
      name: "origin-connections",
      kind: count({ min: 1, max: 64 }),
      default: 4,
      live: true,
      topic: limits,
      help: "connections to the origin for one object, once it has shown that it serves ranges",
    }),
    uploadRateBytesPerSecond: setting({
      name: "upload-rate",
      kind: rate,
      default: Infinity,
      live: true,
      topic: limits,
      help: "bytes a second that are sent to hosts",
    }),
    uploadSlots: setting({
      name: "upload-slots",
      kind: count({ min: 1, max: 1024 }),
      default: 8,
      live: true,
      topic: limits,
      help: "hosts that are sent to at the same time, at least; a manager faster than its hosts takes more",
    }),
    taskHostsMax: setting({
      name: "task-hosts-max",
      kind: count({ min: 1, max: 1_000_000 }),
      default: 1_000,
      live: true,
      topic: limits,
      help: "hosts of one object that this manager serves itself; it sends others to the managers that they are near",
    }),
  },
  check(values) {
    checkTrust(values.trust, [values.configService]);
    if (values.lowWatermark < values.highWatermark) return;
    const are = `low-watermark is ${values.lowWatermark}, high-watermark ${values.highWatermark}`;
    throw new DarnerError(
      "settings.invalid",
      `cannot use the watermarks: ${are}; the low one should be below the high one`,
    );
  },
});
