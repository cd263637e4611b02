/**
 * The host daemon: one per machine, gets objects for its users and gives them to other hosts. Imports
 * base, core, platform ports, storage, origins, transfer and cluster; never another service.
 */

export type { HostDaemonSettings } from "./daemon-options.ts";
export * from "./reading/mod.ts";
export * from "./routes.ts";
export * from "./service.ts";
