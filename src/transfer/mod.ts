/**
 * The swarm's hands: fetching from origins, receiving from parents, sending to children, and the
 * control plane's links. Carries out what core/download and core/swarm decide, over platform ports,
 * storage and origins.
 */

export * from "./child-connection.ts";
export * from "./concealed.ts";
export * from "./fetch-piece.ts";
export * from "./generation.ts";
export * from "./limited-disk.ts";
export * from "./limited-file.ts";
export * from "./limiter.ts";
export * from "./looks.ts";
export * from "./manager-link.ts";
export * from "./manifest.ts";
export * from "./manifest-chain.ts";
export * from "./message-link.ts";
export * from "./origin-answer.ts";
export * from "./origin-fetch-options.ts";
export * from "./origin-fetch.ts";
export * from "./parent-pool.ts";
export * from "./prover.ts";
export * from "./read-gate.ts";
export * from "./registry-token.ts";
export * from "./seal-rule.ts";
export * from "./seal-epochs.ts";
export * from "./sealing.ts";
export * from "./swarm-transfer.ts";
export * from "./task-id.ts";
export * from "./tickets.ts";
export * from "./uploads.ts";
export * from "./whole.ts";
