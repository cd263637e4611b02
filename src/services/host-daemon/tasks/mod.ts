/** One object on this host: asked of the manager, taken from its swarm or its origin, reported. */

export * from "./back-to-source.ts";
export * from "./host-task-options.ts";
export * from "./host-task.ts";
export * from "./host-tasks.ts";
export * from "./object-record.ts";
export * from "./running.ts";
export * from "./sealed-head.ts";
export * from "./task-ask.ts";
export * from "./task-store.ts";
