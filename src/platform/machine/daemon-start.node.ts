/** Starts `darner daemon` as a process of its own that outlives us, with its log in its data directory. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { diskError } from "../files/disk.node.ts";

/** As bin/darner starts one. */
const youngGeneration = "--max-semi-space-size=4";

export interface DetachedDaemon {
  /** The file that Node runs. */
  readonly program: string;
  readonly flags: readonly string[];
  readonly dataDirectory: string;
}

/**
 * Resolves once the process runs; `lastWords` is the last line of its log once it has ended. Throws what
 * `spawn` and the file system say.
 */
export async function startDetachedDaemon({
  program,
  flags,
  dataDirectory,
}: DetachedDaemon): Promise<{ lastWords(): string | undefined }> {
  const logPath = `${dataDirectory}/daemon.log`;
  let log: number;
  try {
    fs.mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = fs.constants;
    log = fs.openSync(logPath, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  } catch (error) {
    throw diskError(error, `open the log ${logPath}`);
  }
  let hasEnded = false;
  try {
    const child = spawn(process.execPath, [...process.execArgv, youngGeneration, program, "daemon", ...flags], {
      // Not our folder: it may be one that is to be unmounted or removed.
      cwd: "/",
      detached: true,
      stdio: ["ignore", log, log],
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.once("exit", () => (hasEnded = true));
    child.unref();
  } finally {
    fs.closeSync(log);
  }
  return { lastWords: () => (hasEnded ? lastLine(logPath) : undefined) };
}

function lastLine(path: string): string {
  try {
    return fs.readFileSync(path, "utf8").trimEnd().split("\n").at(-1)!;
  } catch (error) {
    return diskError(error, `read ${path}`).message;
  }
}
