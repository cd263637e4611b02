/** A host's limits at work, on lines and on disks. */

export * from "./limited-disk.ts";
export * from "./limited-file.ts";
export * from "./limiter.ts";
