/** The entry of the host daemon's own bundle. Does what main.ts does with the command `daemon`. */

import { run } from "./daemon.ts";
import { forgiveClosedOutput, runProgram } from "./run/program.ts";

forgiveClosedOutput();
void runProgram("darner", () => run(process.argv.slice(2)));
