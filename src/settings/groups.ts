/** Every settings group there is, in the order of the reference page. */

import { clusterManagerSettings } from "./cluster-manager.ts";
import { configServiceSettings } from "./config-service.ts";
import { dfgetSettings } from "./dfget.ts";
import { hostDaemonSettings } from "./host-daemon.ts";
import type { SettingsGroup } from "./setting.ts";
import { upSettings } from "./up.ts";

/** A group's check takes its own values only, so that the list can promise nothing about them. */
export const settingsGroups = [
  dfgetSettings,
  hostDaemonSettings,
  clusterManagerSettings,
  configServiceSettings,
  upSettings,
] as unknown as readonly SettingsGroup[];
