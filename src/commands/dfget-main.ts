/**
 * The entry of dfget's own bundle: a third of the whole program, so that its many short starts have
 * less to read. Does what main.ts does with the command `dfget`.
 */

import { run } from "./dfget.ts";
import { runProgram } from "./run/program.ts";

void runProgram("dfget", () => run(process.argv.slice(2)));
