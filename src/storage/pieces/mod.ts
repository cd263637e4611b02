/**
 * Objects at rest: content files, their journals, and the catalogue of what a data directory holds.
 * Imports base, core and platform ports; knows nothing of peers or origins.
 */

export * from "./journal.ts";
export * from "./piece-file.ts";
export * from "./small-store.ts";
export * from "./small-versions.ts";
export * from "./task-cache.ts";
export * from "./upkeep.ts";
export * from "./room.ts";
