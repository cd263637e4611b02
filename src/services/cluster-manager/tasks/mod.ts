/** Tasks and their versions: fetched once, listed, seeded, given, put away. */

export * from "./guarded.ts";
export * from "./held-manifest.ts";
export * from "./idle-sweep.ts";
export * from "./managed-task.ts";
export * from "./seed-slots.ts";
export * from "./task-version.ts";
