/**
 * One object on one host, the thinking part: which pieces to ask of whom, what to do when a source
 * fails, when it is done. Pure: events and the time come in, effects go out. Imports base and core.
 */

export * from "./events.ts";
export * from "./inbound.ts";
export * from "./interest.ts";
export * from "./parent.ts";
export * from "./rarity.ts";
export * from "./swarm-download.ts";
export * from "./segments.ts";
