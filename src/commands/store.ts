/** `darner store verify` and `darner store gc`: what this machine's roles keep, while they are stopped. */

import { existsSync } from "node:fs";
import { DarnerError } from "#base/mod.ts";
import { garbageText, isSpoiled, verifyText } from "#clients/darner/mod.ts";
import { readBootTag } from "#platform/machine/boot.node.ts";
import { nodeDisk } from "#platform/files/disk.node.ts";
import type { ProcessLock } from "#platform/machine/process-lock.ts";
import { lockDirectory } from "#platform/machine/process-lock.node.ts";
import {
  clusterManagerSettings,
  daemonWatermarks,
  hostDaemonSettings,
  resolveSettings,
  type SettingSources,
  type SettingsGroup,
} from "#settings/mod.ts";
import {
  collectGarbage,
  smallStorePath,
  verifyStore,
  type Limits,
  type Removal,
  type Store,
  type VerifiedVersion,
} from "#storage/pieces/mod.ts";
import { addSettings, givenFlags, newCommand, parseCommandLine, type Flags } from "./line/command-line.ts";
import { loadSources, placesHere } from "./line/load-settings.ts";
import { openSmallStore } from "./roles/small-store.ts";

const { config, dataDir } = hostDaemonSettings.settings;
const group: SettingsGroup = { section: "", title: "", settings: { config, dataDir } };

interface Options {
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly all?: boolean;
}

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner store", "What this machine keeps; its daemon and manager must be stopped.");
  const verify = program.command("verify").description("Hash every piece again; drop those that are spoiled.");
  const gc = program.command("gc").description("Remove what is of no use, and what is above the quota.");
  for (const command of [verify, gc]) {
    command.option("--dry-run", "change nothing, tell what would be done").option("--json", "one JSON document");
    addSettings(command, [group], placesHere());
  }
  gc.option("--all", "remove everything that is not pinned");
  let status = 0;
  verify.action(async (options: Options) => {
    if (!(await verifyAll(givenFlags(verify, [group]), options))) status = 1;
  });
  gc.action((options: Options) => collectAll(givenFlags(gc, [group]), options));
  await parseCommandLine(program, argv);
  return status;
}

/** False when something was spoiled. */
async function verifyAll(flags: Flags, { dryRun = false, json = false }: Options): Promise<boolean> {
  const versions: VerifiedVersion[] = [];
  await eachStore(await loadSources(flags), dryRun, async (store) => {
    for await (const version of verifyStore(store)) versions.push(version);
  });
  process.stdout.write(json ? `${JSON.stringify(versions, null, 2)}\n` : verifyText(versions, dryRun));
  return !versions.some(isSpoiled);
}

async function collectAll(flags: Flags, { dryRun = false, json = false, all = false }: Options): Promise<void> {
  const removals: Removal[] = [];
  await eachStore(await loadSources(flags), dryRun, async (store, limits) => {
    removals.push(...(await collectGarbage(store, all ? { highBytes: 0, lowBytes: 0 } : limits)));
  });
  process.stdout.write(json ? `${JSON.stringify(removals, null, 2)}\n` : garbageText(removals, dryRun));
}

/** The data directories that the settings name and that are there, each locked meanwhile. */
async function eachStore(
  sources: SettingSources,
  dryRun: boolean,
  work: (store: Store, limits: Limits) => Promise<void>,
): Promise<void> {
  const daemon = resolveSettings(hostDaemonSettings, sources).values;
  const manager = resolveSettings(clusterManagerSettings, sources).values;
  const managerMarks = { high: manager.highWatermark, low: manager.lowWatermark };
  const stores = [
    { directory: `${daemon.dataDir}/daemon`, quotaBytes: daemon.cacheQuotaBytes, marks: daemonWatermarks },
    { directory: `${manager.dataDir}/cluster-manager`, quotaBytes: manager.diskQuotaBytes, marks: managerMarks },
  ].filter(({ directory }) => existsSync(directory));
  if (stores.length === 0) process.stderr.write(`darner: nothing is kept in ${daemon.dataDir}\n`);
  for (const { directory, quotaBytes, marks } of stores) {
    const lock = lockStopped(directory);
    try {
      const limits = { highBytes: quotaBytes * marks.high, lowBytes: quotaBytes * marks.low };
      const small = existsSync(smallStorePath(directory)) ? openSmallStore(directory) : undefined;
      await work({ disk: nodeDisk, directory, boot: readBootTag(), dryRun, small }, limits);
      small?.close();
    } finally {
      lock.release();
    }
  }
}

function lockStopped(directory: string): ProcessLock {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (!(error instanceof DarnerError) || error.code !== "store.locked") throw error;
    const { pid } = error.facts;
    const who = pid === undefined ? "a process" : `process ${String(pid)}`;
    const next = "stop it first; while it runs it keeps to its quota, and drops what it finds spoiled, by itself";
    throw new DarnerError("store.locked", `cannot look through ${directory}: ${who} uses it; ${next}`, {
      facts: error.facts,
      cause: error,
    });
  }
}
