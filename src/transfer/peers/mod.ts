/** Pieces between hosts: received from parents, sent to children, and one fetched to look at a host. */

export * from "./child-connection.ts";
export * from "./fetch-piece.ts";
export * from "./parent-pool.ts";
export * from "./swarm-transfer.ts";
export * from "./uploads.ts";
