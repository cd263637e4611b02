/** The swarm's hands: bytes from origins and between hosts, under the host's limits. */

export * from "./limited-disk.ts";
export * from "./limiter.ts";
export * from "./origin-fetch.ts";
