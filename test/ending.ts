/**
 * How a test ends what it started: all of it, also when the end of one says that something was wrong,
 * when the test took too long, and when the test's own process is told to stop. Else a test that fails
 * leaves processes behind, or its file waits for them for ever.
 */

import type { ChildProcess } from "node:child_process";
import { after } from "node:test";

const leftMsMax = 20_000;
const running = new Map<ChildProcess, NodeJS.Signals>();
const killAll = (): void => {
  for (const [child, signal] of running) child.kill(signal);
};
process.once("exit", killAll);
// Not in a program that is no test.
if (process.env["NODE_TEST_CONTEXT"] !== undefined) after(endFile);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(1);
  });
}

/** A test that took too long is given up where it stands, its `finally` unreached, with all that it has open. */
function endFile(): void {
  killAll();
  const end = (): never => {
    console.error("the tests are over, and what one of them left open keeps the process");
    process.exit(1);
  };
  setTimeout(end, leftMsMax).unref();
}

/** Whatever happens to this process, the child does not outlive it. A parent itself may want a milder signal. */
export function endsWithTest(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): void {
  running.set(child, signal);
  child.once("close", () => running.delete(child));
}

/** Calls these in their order, whatever one of them throws, and then throws what the first threw. */
export async function endAll(...ends: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
