/** Who wins when several places name a setting, and what a mistake looks like. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterManagerSettings } from "./cluster-manager.ts";
import { dfgetSettings } from "./dfget.ts";
import { settingsGroups } from "./groups.ts";
import { hostDaemonSettings } from "./host-daemon.ts";
import { placesFor } from "./places.ts";
import { resolveSettings, unknownVariables, type SettingSources } from "./resolve.ts";
import { environmentName } from "./setting.ts";
import { parseSettingsFile, type SettingsFile } from "./settings-file.ts";

const places = placesFor({ userId: 0, home: "/root", environment: {} });

function file(text: string): Promise<SettingsFile> {
  return parseSettingsFile(text, "/etc/darner/darner.yaml", settingsGroups);
}

function sources(given: Partial<SettingSources>): SettingSources {
  return { flags: {}, environment: {}, places, ...given };
}

test("a flag goes before the environment, that before the file, that before the default", async () => {
  const flags = { "upload-slots": ["1"] };
  const environment = { DARNER_UPLOAD_SLOTS: "2" };
  const settingsFile = await file("log-level: warn\nupload-slots: 3\n");
  const steps = [
    [sources({ flags, environment, file: settingsFile }), 1, "--upload-slots"],
    [sources({ environment, file: settingsFile }), 2, "DARNER_UPLOAD_SLOTS"],
    [sources({ file: settingsFile }), 3, "/etc/darner/darner.yaml:2"],
    [sources({ environment: { DARNER_UPLOAD_SLOTS: "" } }), 8, "default"],
  ] as const;
  for (const [given, value, origin] of steps) {
    const resolved = resolveSettings(hostDaemonSettings, given);
    assert.deepEqual([resolved.values.uploadSlots, resolved.origins.uploadSlots.text], [value, origin]);
  }
});

test("values have the types of their declarations", () => {
  const { values } = resolveSettings(hostDaemonSettings, sources({ flags: { manager: ["http://127.0.0.1:8002"] } }));
  const rate: number = values.uploadRateBytesPerSecond;
  const managers: readonly string[] = values.manager;
  const site: string | undefined = values.site;
  assert.deepEqual([rate, managers, site, values.listen.port], [Infinity, ["http://127.0.0.1:8002"], undefined, 65002]);
});

test("a section of the file is for its role only, and goes before the top", async () => {
  const settingsFile = await file(
    "upload-slots: 7\ndaemon:\n  upload-slots: 9\ncluster-manager:\n  listen: 127.0.0.1:1\n",
  );
  assert.equal(resolveSettings(hostDaemonSettings, sources({ file: settingsFile })).values.uploadSlots, 9);
  const manager = resolveSettings(clusterManagerSettings, sources({ file: settingsFile }));
  assert.deepEqual([manager.values.uploadSlots, manager.values.listen.port], [7, 1]);
});

test("a list may be a list in the file; numbers keep the text they were written with", async () => {
  const settingsFile = await file("manager:\n  - http://127.0.0.1:1\n  - http://localhost:2\nsite: 007\n");
  const { values } = resolveSettings(hostDaemonSettings, sources({ file: settingsFile }));
  assert.deepEqual([values.manager, values.site], [["http://127.0.0.1:1", "http://localhost:2"], "007"]);
});

test("an unknown key is refused with its line and the nearest known one", async () => {
  const message =
    'cannot use the settings in /etc/darner/darner.yaml:3: there is no setting "uplaod-rate" in the section "daemon"; did you mean upload-rate?';
  await assert.rejects(file("# mine\ndaemon:\n  uplaod-rate: 10MB\n"), { code: "settings.unknown-key", message });
  await assert.rejects(file("deamon:\n  upload-rate: 10MB\n"), {
    code: "settings.unknown-key",
    message: /did you mean daemon\?$/,
  });
  await assert.rejects(
    file("cluster-manager:\n  linger: 1s\n"),
    { code: "settings.unknown-key" },
    "a setting of another role",
  );
  await assert.rejects(file("output: x\n"), { code: "settings.unknown-key" }, "a flag of one call");
  await assert.rejects(file("wholly-different: 1\n"), { message: /"wholly-different"$/ });
});

test("a file that is not YAML, or not of names and values, is refused with its line", async () => {
  for (const [text, line] of [
    ["a: [1\nb: 2", 1],
    ["log-level: info\nlog-level: warn", 2],
    ["- a\n- b", 1],
    ["log-level:\n", 1],
    ["log-level: {a: 1}", 1],
    ["x: &a 1\nlog-level: *a", 1],
  ] as const) {
    await assert.rejects(
      file(text),
      { message: new RegExp(`^cannot use the settings in /etc/darner/darner.yaml:\\d`) },
      `${text} at ${line}`,
    );
  }
  assert.deepEqual((await file("")).entries, []);
  assert.deepEqual((await file("# nothing\n")).entries, []);
});

test("a bad value is refused with the place it came from", async () => {
  const message =
    'cannot use "fast" for upload-rate (DARNER_UPLOAD_RATE): it should be a rate such as 10MB, 80Mbit or unlimited';
  assert.throws(() => resolveSettings(hostDaemonSettings, sources({ environment: { DARNER_UPLOAD_RATE: "fast" } })), {
    code: "settings.invalid",
    message,
  });
  const settingsFile = await file("upload-slots: 0\n");
  assert.throws(() => resolveSettings(hostDaemonSettings, sources({ file: settingsFile })), {
    message: /darner\.yaml:1\): it should be at least 1$/,
  });
});

test("watermarks the wrong way round are refused", () => {
  const flags = { "low-watermark": ["0.95"] };
  assert.throws(() => resolveSettings(clusterManagerSettings, sources({ flags })), { code: "settings.invalid" });
});

test("an unencrypted manager beyond this machine needs --trust off", () => {
  const flags = { manager: ["http://10.0.0.2:8002"] };
  assert.throws(() => resolveSettings(dfgetSettings, sources({ flags })), { code: "trust.required" });
  resolveSettings(dfgetSettings, sources({ flags: { ...flags, trust: ["off"] } }));
  for (const near of ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://far:1"]) {
    resolveSettings(dfgetSettings, sources({ flags: { manager: [near] } }));
  }
  assert.throws(() => resolveSettings(dfgetSettings, sources({ flags: { manager: ["http://127.0.0.1.evil.org:1"] } })));
});

test("flags of one call have no environment name; mistyped variables are found", () => {
  const { values } = resolveSettings(
    dfgetSettings,
    sources({ environment: { DARNER_QUIET: "1", DARNER_OUTPUT: "x" } }),
  );
  assert.deepEqual([values.quiet, values.output], [false, undefined]);
  const environment = { DARNER_UPLAOD_RATE: "1", DARNER_UPLOAD_RATE: "1", PATH: "" };
  assert.deepEqual(unknownVariables(environment, settingsGroups), ["DARNER_UPLAOD_RATE"]);
});

test("every declaration is sound: name, help, a default that its own kind can read back", () => {
  for (const group of settingsGroups) {
    const names = new Set<string>();
    const { values } = resolveSettings(group, sources({}));
    for (const [property, setting] of Object.entries(group.settings)) {
      assert.match(setting.name, /^[a-z]+(-[a-z]+)*$/);
      assert.match(environmentName(setting.name), /^DARNER_[A-Z_]+$/);
      assert.ok(!names.has(setting.name), `${group.section} has one ${setting.name}`);
      assert.ok(!setting.help.endsWith("."));
      names.add(setting.name);
      const written = setting.kind.write(values[property]);
      if (written !== "") assert.deepEqual(setting.kind.read([written]), { value: values[property] }, setting.name);
    }
  }
});
