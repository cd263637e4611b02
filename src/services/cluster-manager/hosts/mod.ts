/** Hosts at the manager: who they are to its tasks, what they accuse each other of, where their rights are proved. */

export * from "./accusations.ts";
export * from "./guarded.ts";
export * from "./places.ts";
export * from "./version-host.ts";
