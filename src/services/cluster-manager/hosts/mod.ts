/** Hosts at the manager: their connections, what they accuse each other of, where their rights are proved. */

export * from "./accusations.ts";
export * from "./host-session.ts";
export * from "./places.ts";
