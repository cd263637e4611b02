/** The settings of the config service: how long it believes a manager that is silent. */

import { baseSettings, listenSettings } from "./common.ts";
import { several } from "./kind.ts";
import { duration, text } from "./kinds.ts";
import { setting, settingsGroup } from "./setting.ts";

const topic = "Leases";

export const configServiceSettings = settingsGroup({
  section: "config-service",
  title: "Config service",
  settings: {
    ...baseSettings,
    ...listenSettings(8080),
    leaseMs: setting({
      name: "lease",
      kind: duration({ min: 1000, max: 600_000 }),
      default: 15_000,
      topic,
      help: "how long a manager counts as alive after it last spoke",
    }),
    preheatOnPush: setting({
      name: "preheat-on-push",
      kind: several(text("PATTERN")),
      default: { text: "none", from: () => [] },
      topic: "Preheat",
      help: "repositories whose images are preheated when a registry tells that they were pushed; * for any characters",
    }),
    certificateLifeMs: setting({
      name: "certificate-life",
      kind: duration({ min: 10_000, max: 366 * 86_400_000 }),
      default: 7 * 86_400_000,
      topic: "Trust",
      help: "how long a member's certificate counts; it is renewed from the middle of its life on",
    }),
    sealEpochLifeMs: setting({
      name: "seal-epoch-life",
      kind: duration({ min: 60_000, max: 366 * 86_400_000 }),
      default: 86_400_000,
      topic: "Trust",
      help: "how long managers make the keys of sensitive objects from one secret; each revocation begins a new one",
    }),
    sealEpochsKeptMs: setting({
      name: "seal-epochs-kept",
      kind: duration({ min: 0, max: 366 * 86_400_000 }),
      default: 30 * 86_400_000,
      topic: "Trust",
      help: "how long after its end a secret is kept, so that managers that start again can read what they keep",
    }),
  },
});
