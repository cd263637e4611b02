/** Where a user's bytes go: files that clients hand over, copies, and outputs beside the store. */

export * from "./client-output.ts";
export * from "./download.ts";
export * from "./output-copy.ts";
export * from "./side-output.ts";
export * from "./unchanged.ts";
