/** Verified bytes in order for whoever reads instead of saving: streams, parts, the image proxy. */

export * from "./image-content.ts";
export * from "./object-route.ts";
export * from "./read-object.ts";
