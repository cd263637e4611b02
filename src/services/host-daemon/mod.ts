/**
 * The host daemon: one per machine, gets objects for its users and gives them to other hosts. Imports
 * base, core, platform ports, storage, origins, transfer and cluster; never another service.
 */

export * from "./routes.ts";
export * from "./service.ts";
