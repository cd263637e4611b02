/** Who is near, who is alive, who owns what: sites, managers and their leases, rendezvous ranks. */

export {
  addressInRange,
  isLoopbackAddress,
  isUnspecifiedAddress,
  parseAddress,
  parseRange,
  type AddressBytes,
  type AddressRange,
} from "./address.ts";
export { ManagerLeases, type LeasesOptions, type Registered } from "./leases.ts";
export {
  isManagerId,
  managersMax,
  readManagerFacts,
  readManagerList,
  type ManagerEntry,
  type ManagerFacts,
  type ManagerFactsRead,
  type ManagerHealth,
  type ManagerList,
} from "./manager.ts";
export { nearestManagers, ownerOfTask, type HostPlace } from "./nearest.ts";
export { rankByScore } from "./score.ts";
export { isSiteName, readSiteRanges, siteOf, siteRangesKey, siteRangesMax, type SiteRange } from "./site.ts";
