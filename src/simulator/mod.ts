/**
 * Whole clusters in one thread, in virtual time, under one seed: the product's own brains on every host
 * and manager, simulated lines between them, faults, checkers and bounds. Imports base and core.
 */

export * from "./experiments/mod.ts";
export * from "./faults.ts";
export * from "./invariants.ts";
