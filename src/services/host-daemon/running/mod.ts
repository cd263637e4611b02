/** All objects of this host: those that run, whom they run for, and those that are kept to be served. */

export * from "./host-tasks.ts";
export * from "./running.ts";
export * from "./task-store.ts";
