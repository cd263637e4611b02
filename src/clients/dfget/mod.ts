/**
 * dfget: what a person holds to get an object. It downloads alone, through the host's daemon, or
 * through one that it starts; it owns the output, whoever fetches.
 */

export type { DaemonOrder, DfgetPorts, OriginSettings } from "./ports.ts";
export { runDfget, type DfgetCall, type DfgetSettings } from "./run.ts";
