/** The config service: nearest managers, leases, and the cluster's settings. */

export { createConfigService, leaseMsDefault, type ConfigService, type ConfigServiceOptions } from "./service.ts";
