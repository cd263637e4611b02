/** The entry of the host daemon's own bundle. Does what main.ts does with the command `daemon`. */

import { run } from "./daemon.ts";
import { exitWithFailure } from "./failure.ts";

/** Whoever reads our output may stop reading (`| head`): no failure. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

async function main(): Promise<void> {
  try {
    process.exit(await run(process.argv.slice(2)));
  } catch (error) {
    exitWithFailure("darner", error);
  }
}

void main();
