/** One object on this host: asked of the manager, taken from its swarm or its origin, read, reported. */

export * from "./asker.ts";
export * from "./back-to-source.ts";
export * from "./beside.ts";
export * from "./host-task-options.ts";
export * from "./host-task.ts";
export * from "./object-bytes.ts";
export * from "./object-record.ts";
export * from "./sealed-head.ts";
export * from "./task-ask.ts";
