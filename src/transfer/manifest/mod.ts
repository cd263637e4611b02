/** What is vouched for: the digests of pieces as a manager tells them, and the proof of a whole object. */

export * from "./generation.ts";
export * from "./manifest-chain.ts";
export * from "./manifest.ts";
export * from "./prover.ts";
export * from "./whole.ts";
