/**
 * The real log, over pino: one JSON line an event on stderr (`time`, `level`, `event`, the facts).
 * Writing never blocks the loop: lines wait in memory up to a bound while the reader is slow, beyond
 * it the newest are lost, and what waits is written when the process ends.
 */

import { destination as openDestination, pino, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { cleanFacts } from "./log-facts.ts";
import type { Log, LogFacts, LogLevel } from "./log.ts";

const stderrDescriptor = 2;
const waitingBytesMax = 4 * 1024 * 1024;

export interface NodeLog extends Log {
  setLevel(level: LogLevel): void;
}

/** `destination` is for tests; the default is stderr. */
export function createNodeLog(level: LogLevel, destination?: DestinationStream): NodeLog {
  const stream = destination ?? openDestination({ dest: stderrDescriptor, sync: false, maxLength: waitingBytesMax });
  const root = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return { ...withFacts(root, {}), setLevel: (next) => void (root.level = next) };
}

function withFacts(root: Logger, shared: LogFacts): Log {
  const write =
    (level: LogLevel) =>
    (event: string, facts: LogFacts = {}): void => {
      if (root.isLevelEnabled(level)) root[level]({ event, ...shared, ...cleanFacts(facts) });
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (facts) => withFacts(root, { ...shared, ...cleanFacts(facts) }),
  };
}
