/** This host in its cluster: its managers, what its peers may have, and preheats. */

export * from "./manager-client.ts";
export * from "./preheats.ts";
export * from "./to-peers.ts";
