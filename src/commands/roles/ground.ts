/**
 * What every role stands on, wired to the real platform: its log, a locked data directory with its
 * key, the origin client, and its way to the config service.
 */

import { mkdirSync, readFileSync } from "node:fs";
import { createOrigins, type Origin } from "#origins/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { createNodeHttpClient } from "#platform/http-client/client.node.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import type { LogLevel } from "#platform/telemetry/log.ts";
import { createNodeLog, type NodeLog } from "#platform/telemetry/log.node.ts";
import { lockDirectory } from "#platform/machine/process-lock.node.ts";
import { newSigningKey, signingKeyFromPem, type SigningKey } from "#platform/keys/signing.ts";
import { DarnerError } from "#base/mod.ts";
import type { ReachPolicy } from "#core/reach/mod.ts";
import { writeWholeFile } from "./whole-file.ts";

/** A started role: how to reach it, and how to end it. */
export interface StartedRole {
  /** `http://HOST:PORT` that others on this network use; `https:` of a member of a cluster. */
  readonly url: string;
  stop(graceMs: number): Promise<void>;
  readonly ended?: Promise<void>;
  /** What a person should read once, with secrets: for standard output, never for the log. */
  readonly greeting?: () => Promise<string>;
}

/** A role's lines; with `shared` they go into a log that several roles of one process have. */
export function roleLog(level: LogLevel, role: string, shared?: NodeLog): NodeLog {
  const log = shared ?? createNodeLog(level);
  return { ...log.child({ role }), setLevel: (next) => log.setLevel(next) };
}

/** Makes and locks a role's own folder in the data directory, and reads or makes its key. */
export function openDataDirectory(
  dataDir: string,
  role: string,
): { readonly directory: string; readonly key: SigningKey; readonly release: () => void } {
  const directory = `${dataDir}/${role}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "EACCES" ? "permission denied" : message;
    const says = `cannot make the data directory ${directory}: ${why}; name another with --data-dir`;
    throw new DarnerError("output.not-writable", says, { cause });
  }
  const lock = lockDirectory(directory);
  return { directory, key: keyIn(directory), release: () => lock.release() };
}

function keyIn(directory: string): SigningKey {
  const path = `${directory}/key.pem`;
  try {
    return signingKeyFromPem(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new DarnerError(
        "store.corrupt",
        `cannot read the key in ${path}; restore it, or remove it to become a new member`,
        { cause: error },
      );
    }
    const key = newSigningKey();
    writeWholeFile(path, key.exportPem());
    return key;
  }
}

export function realOrigin(reach: () => ReachPolicy): { readonly origin: Origin; readonly close: () => void } {
  const httpClient = createNodeHttpClient({ loadNative: () => Promise.resolve(loadNative()) });
  return { origin: createOrigins({ httpClient, clock: nodeClock, reach }), close: () => httpClient.close() };
}
