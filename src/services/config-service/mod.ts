/** The config service: nearest managers, leases, and the cluster's settings. */

export { createConfigService, type ConfigService, type ConfigServiceOptions } from "./service.ts";
export type { EpochShelf, KeptEpoch } from "./epoch-keeper.ts";
