/**
 * The swarm's hands: fetching from origins, receiving from parents, sending to children, and the
 * control plane's links. Carries out what core/download and core/swarm decide, over platform ports,
 * storage and origins.
 */

export * from "./peers/mod.ts";
export * from "./rights/mod.ts";
export * from "./manifest/mod.ts";
export * from "./limits/mod.ts";
export * from "./origin/mod.ts";
export * from "./control/mod.ts";
