/**
 * The real log, over pino: one JSON line an event on stderr (`time`, `level`, `event`, the facts).
 * Writing never blocks the loop: lines wait in memory up to a bound while the reader is slow, beyond
 * it the newest are lost, and what waits is written when the process ends.
 */

import { pino, stdTimeFunctions, type DestinationStream, type Logger } from "pino";
import { cleanFacts } from "./log-facts.ts";
import { standardErrorStream } from "./log-stream.node.ts";
import type { Log, LogFacts, LogLevel } from "./log.ts";

export interface NodeLog extends Log {
  setLevel(level: LogLevel): void;
}

/** `destination` is for tests; the default is stderr. */
export function createNodeLog(level: LogLevel, destination?: DestinationStream): NodeLog {
  const stream = destination ?? standardErrorStream();
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
