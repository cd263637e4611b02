/** Who may have an object, and in which form it travels and lies on a disk. */

export * from "./concealed.ts";
export * from "./seal-epochs.ts";
export * from "./seal-rule.ts";
export * from "./sealing.ts";
export * from "./task-id.ts";
