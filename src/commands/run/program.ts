/** A program from its start to its exit status; a failed one says one line on standard error. */

import { asDarnerError, AssertionError } from "#base/mod.ts";

function printFailure(program: string, error: unknown): number {
  const known = asDarnerError(error);
  process.stderr.write(`${program}: ${known.message.replaceAll(/\s*\n\s*/g, " ")}\n`);
  // A bug is the only failure that its user cannot mend; whoever can needs the place.
  const isBug = error instanceof AssertionError || known.code === "internal";
  if (isBug && error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  return known.exitStatus;
}

/** Runs a whole program, to its exit status or its failure. */
export async function runProgram(program: string, run: () => Promise<number>): Promise<never> {
  try {
    process.exit(await run());
  } catch (error) {
    process.exit(printFailure(program, error));
  }
}

/**
 * Whoever reads our output may stop reading (`| head`): no failure. Not for dfget, whose output may be its
 * object.
 */
export function forgiveClosedOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
}
