/** Container images on the wire: names, addresses of a registry, manifests, challenges, and who may read what. */

export * from "./challenge.ts";
export * from "./forward-rule.ts";
export * from "./image-digest.ts";
export * from "./manifest.ts";
export * from "./place.ts";
export * from "./preheat.ts";
export * from "./read-rights.ts";
export * from "./reference.ts";
export * from "./registry-path.ts";
export * from "./upstream.ts";
export * from "./wildcard.ts";
