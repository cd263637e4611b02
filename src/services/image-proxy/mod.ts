/**
 * The image proxy: gives engines their images through the swarm, and passes everything else on. It
 * knows the host's daemon only by the port in image-host.ts.
 */

export * from "./forward-proxy.ts";
export * from "./image-host.ts";
export * from "./image-proxy.ts";
