/** The config service: nearest managers, leases, and the cluster's settings. */

export { createConfigService, type ConfigService, type ConfigServiceOptions } from "./service.ts";
