/** HTTP caching rules for a shared cache (RFC 9111, 9110, 5861, 9530). Pure; imports base and core/model only. */

export * from "./facts.ts";
export * from "./judgement.ts";
export * from "./told-digests.ts";
export * from "./validators.ts";
export * from "./vary.ts";
