/** The settings of the host daemon: what it may take from its host and give to others. */

import {
  baseSettings,
  checkTrust,
  clusterSettings,
  listenSettings,
  managerSetting,
  sealSetting,
  socketSetting,
} from "./common.ts";
import { imageProxySettings } from "./image-proxy.ts";
import { several } from "./kind.ts";
import { bytes, count, duration, rate, text } from "./kinds.ts";
import { reachSettings } from "./reach.ts";
import { setting, settingsGroup } from "./setting.ts";

const limits = "Limits of this host";
const origin = "Going to the origin";
const cache = "Cache";

/** Shares of the cache's quota, as the manager's settings have them: a host's cache needs no tuning. */
export const daemonWatermarks = { high: 0.9, low: 0.8 } as const;

export const hostDaemonSettings = settingsGroup({
  section: "daemon",
  title: "Host daemon",
  settings: {
    ...baseSettings,
    ...clusterSettings,
    ...listenSettings(65002),
    manager: managerSetting,
    socket: socketSetting,
    seal: sealSetting,
    sensitiveUrls: setting({
      name: "sensitive-urls",
      kind: several(text("PATTERN")),
      default: { text: "none", from: () => [] },
      live: true,
      topic: "Common",
      help: "HOST/PATH of URLs that are sensitive whoever asks, without their query; * stands for anything",
    }),
    ...reachSettings,
    downloadRateBytesPerSecond: setting({
      name: "download-rate",
      kind: rate,
      default: Infinity,
      live: true,
      topic: limits,
      help: "bytes a second that the host receives",
    }),
    uploadRateBytesPerSecond: setting({
      name: "upload-rate",
      kind: rate,
      default: Infinity,
      live: true,
      topic: limits,
      help: "bytes a second that the host sends to peers",
    }),
    diskReadRateBytesPerSecond: setting({
      name: "disk-read-rate",
      kind: rate,
      default: Infinity,
      live: true,
      topic: limits,
      help: "bytes a second that are read from disk",
    }),
    diskWriteRateBytesPerSecond: setting({
      name: "disk-write-rate",
      kind: rate,
      default: Infinity,
      live: true,
      topic: limits,
      help: "bytes a second that are written to disk",
    }),
    uploadSlots: setting({
      name: "upload-slots",
      kind: count({ min: 1, max: 256 }),
      default: 8,
      live: true,
      topic: limits,
      help: "peers that are sent to at the same time",
    }),
    originFallbackAfterMs: setting({
      name: "origin-fallback-after",
      kind: duration({ min: 0, max: 3_600_000 }),
      default: 10_000,
      live: true,
      topic: origin,
      help: "how long no manager may answer before the host goes to the origin itself",
    }),
    originBudgetBytesPerSecond: setting({
      name: "origin-budget",
      kind: rate,
      default: 125_000_000,
      live: true,
      topic: origin,
      help: "bytes a second that all hosts together may take from the origin while no manager answers",
    }),
    stallTimeoutMs: setting({
      name: "stall-timeout",
      kind: duration({ min: 1000, max: 3_600_000 }),
      default: 60_000,
      live: true,
      topic: origin,
      help: "how long no source may give new bytes before a download fails",
    }),
    cacheQuotaBytes: setting({
      name: "cache-quota",
      kind: bytes({ min: 64 * 2 ** 20, max: Infinity }),
      default: 10 * 2 ** 30,
      live: true,
      topic: cache,
      help: "bytes of downloads kept in the data directory for peers and later calls",
    }),
    ...imageProxySettings,
    lingerMs: setting({
      name: "linger",
      kind: duration({ min: 0, max: Infinity }),
      default: Infinity,
      topic: cache,
      help: "how long the daemon stays and serves after its last use",
    }),
  },
  check: ({ trust, manager, configService }) => checkTrust(trust, [...manager, configService]),
});
