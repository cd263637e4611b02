/** Whole clusters in one thread, in virtual time, under one seed; the product's own brains on every host. */

export * from "./experiments/mod.ts";
