/** How a failed command ends: one line on standard error, and the exit status of the error's code. */

import { asDarnerError, AssertionError } from "#base/mod.ts";

export function printFailure(program: string, error: unknown): number {
  const known = asDarnerError(error);
  process.stderr.write(`${program}: ${known.message.replaceAll(/\s*\n\s*/g, " ")}\n`);
  // A bug is the only failure that its user cannot mend; whoever can needs the place.
  const isBug = error instanceof AssertionError || known.code === "internal";
  if (isBug && error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  return known.exitStatus;
}

export function exitWithFailure(program: string, error: unknown): never {
  process.exit(printFailure(program, error));
}
