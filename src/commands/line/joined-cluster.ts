/** Where the config service is of the cluster that a data directory has joined: `cluster.json` tells. */

import { readFileSync } from "node:fs";
import { DarnerError } from "#base/mod.ts";

/** `section` as in the settings file: a cluster manager joins by itself, all else as this machine's host. */
export function joinedConfigService(dataDirectory: string, section: string): string | undefined {
  const path = `${dataDirectory}/${section === "cluster-manager" ? section : "daemon"}/cluster.json`;
  try {
    const { configService } = JSON.parse(readFileSync(path, "utf8")) as { configService?: unknown };
    return String(configService);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // Nothing joined, or a folder of another user.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return undefined;
    throw new DarnerError("store.corrupt", `cannot read ${path}: ${message}; join the cluster again`, { cause });
  }
}
