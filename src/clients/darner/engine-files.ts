/**
 * What a container engine's configuration is with Darner as its mirror, and without it again. Pure:
 * files come in as texts and go out as texts; nothing is remembered between the two, so taking back
 * needs no backup: only what Darner put there goes.
 */

import { DarnerError } from "#base/mod.ts";

export const engines = ["docker", "containerd", "podman"] as const;
export type Engine = (typeof engines)[number];

export interface EngineWish {
  readonly engine: Engine;
  /** `http://127.0.0.1:65001`. */
  readonly proxyUrl: string;
  /** Podman, buildah, skopeo and CRI-O take mirrors for named registries only. */
  readonly registries: readonly string[];
  readonly undo: boolean;
}

/** `before` or `after` undefined: the file is not there. */
export interface FileChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface EnginePlan {
  readonly changes: readonly FileChange[];
  /** What remains for a person to do. */
  readonly notes: readonly string[];
}

const ownMark = "# Written by darner engine configure; darner engine configure --undo takes it back.";
const containerdCertificates = "/etc/containerd/certs.d";

/** `read` gives a file's text, or undefined. Throws `settings.invalid` for a file that cannot be understood. */
export function planEngine(wish: EngineWish, read: (path: string) => string | undefined): EnginePlan {
  const plans = { docker: planDocker, containerd: planContainerd, podman: planPodman };
  return plans[wish.engine](wish, read);
}

/** The mirror goes first in the list: Docker asks in its order, and Docker Hub itself at last. */
function planDocker({ proxyUrl, undo }: EngineWish, read: (path: string) => string | undefined): EnginePlan {
  const path = "/etc/docker/daemon.json";
  const before = read(path);
  const settings = readJsonObject(path, before ?? "{}");
  const key = "registry-mirrors";
  const mirrors = Array.isArray(settings[key]) ? settings[key].filter((mirror) => mirror !== proxyUrl) : [];
  const wanted: unknown[] = undo ? mirrors : [proxyUrl, ...mirrors];
  const { [key]: _, ...others } = settings;
  const next = wanted.length === 0 ? others : { ...settings, [key]: wanted };
  const isNothing = undo && Object.keys(next).length === 0;
  const same = before !== undefined && JSON.stringify(next) === JSON.stringify(settings);
  const after = same ? before : isNothing ? undefined : `${JSON.stringify(next, null, 2)}\n`;
  return {
    changes: [{ path, before, after }],
    notes: [
      "Let Docker read it: systemctl reload docker",
      ...(undo
        ? []
        : ["Docker takes mirrors for docker.io alone; for other registries see HTTPS_PROXY in docs/operating."]),
    ],
  };
}

function planContainerd({ proxyUrl, undo }: EngineWish, read: (path: string) => string | undefined): EnginePlan {
  const path = `${containerdCertificates}/_default/hosts.toml`;
  const before = read(path);
  assertOurs(path, before);
  const after = [ownMark, `[host."${proxyUrl}"]`, '  capabilities = ["pull", "resolve"]', ""].join("\n");
  const hosts = { path, before, after: undo ? undefined : after };
  const configuration = "/etc/containerd/config.toml";
  const now = read(configuration);
  const section = '[plugins."io.containerd.grpc.v1.cri".registry]';
  const line = `  config_path = "${containerdCertificates}"`;
  const own = `${ownMark}\nversion = 2\n\n${section}\n${line}\n`;
  const restart = "Let containerd read config.toml: systemctl restart containerd (hosts.toml needs no restart).";
  if (undo)
    return {
      changes: now === own ? [hosts, { path: configuration, before: now, after: undefined }] : [hosts],
      notes: [],
    };
  if (now === undefined)
    return { changes: [hosts, { path: configuration, before: now, after: own }], notes: [restart] };
  if (now.includes("config_path"))
    return { changes: [hosts], notes: ["ctr takes it with --hosts-dir; kubelet's pulls as they are."] };
  const todo = `Add to ${configuration}, which has no config_path yet (in containerd 2: [plugins."io.containerd.cri.v1.images".registry]):\n\n    ${section}\n    ${line}\n`;
  return { changes: [hosts], notes: [todo, restart] };
}

/** One file of ours in the folder that podman, buildah, skopeo and CRI-O read besides registries.conf. */
function planPodman(wish: EngineWish, read: (path: string) => string | undefined): EnginePlan {
  const { proxyUrl, registries, undo } = wish;
  const path = "/etc/containers/registries.conf.d/50-darner.conf";
  const before = read(path);
  assertOurs(path, before);
  const { host, protocol } = new URL(proxyUrl);
  const blocks = registries.map((registry) =>
    [
      "[[registry]]",
      `prefix = "${registry}"`,
      `location = "${registry}"`,
      "[[registry.mirror]]",
      // A path of an image name has no colon.
      `location = "${host}/${registry.replace(/:(\d+)$/, "_$1")}"`,
      ...(protocol === "http:" ? ["insecure = true"] : []),
    ].join("\n"),
  );
  const after = `${[ownMark, ...blocks].join("\n\n")}\n`;
  return { changes: [{ path, before, after: undo ? undefined : after }], notes: [] };
}

function readJsonObject(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new DarnerError("settings.invalid", `cannot read ${path}: it is no JSON object; repair it first`);
}

function assertOurs(path: string, before: string | undefined): void {
  if (before === undefined || before.startsWith(ownMark)) return;
  const next = "move it away, or add the mirror to it by hand";
  throw new DarnerError("settings.invalid", `cannot write ${path}: somebody else wrote it; ${next}`);
}

/** Lines that go and come, as `diff -u` marks them, without those that stay. */
export function showChange({ path, before, after }: FileChange): string {
  if (before === after) return `${path}: as it should be already\n`;
  const old = before?.trimEnd().split("\n") ?? [];
  const now = after?.trimEnd().split("\n") ?? [];
  let head = 0;
  while (head < Math.min(old.length, now.length) && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const gone = old.slice(head, old.length - tail).map((line) => `-${line}`);
  const come = now.slice(head, now.length - tail).map((line) => `+${line}`);
  const what = before === undefined ? " (new)" : after === undefined ? " (removed)" : "";
  return `${path}${what}\n${[...gone, ...come].join("\n")}\n`;
}
