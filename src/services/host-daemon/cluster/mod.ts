/** This host in its cluster: its managers, what its peers may have, and preheats. */

export * from "./manager-client.ts";
export * from "./preheats.ts";
export type { TaskListener } from "./task-listener.ts";
export * from "./to-peers.ts";
