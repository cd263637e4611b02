/**
 * The cluster manager: the passive CDN (fetches each object once, keeps it by the HTTP caching rules,
 * seeds its pieces) and the matchmaker of its hosts. Imports base, core, platform ports, storage,
 * origins and transfer; never another service.
 */

export type { GivenOrder, PreheatDesk } from "./preheat/mod.ts";
export * from "./routes.ts";
export * from "./service.ts";
