/**
 * The entry of dfget's own bundle: a third of the whole program, so that its many short starts have
 * less to read. Does what main.ts does with the command `dfget`.
 */

import { exitWithFailure } from "./failure.ts";
import { run } from "./dfget.ts";

async function main(): Promise<void> {
  try {
    process.exit(await run(process.argv.slice(2)));
  } catch (error) {
    exitWithFailure("dfget", error);
  }
}

void main();
