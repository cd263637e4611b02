/** Who is near, who is alive, who owns what: sites, managers and their leases, rendezvous ranks. */

export * from "./delegation.ts";
export { addressInRange, isLoopbackAddress, parseAddress, parseRange, type AddressRange } from "./address.ts";
export { ManagerLeases } from "./leases.ts";
export {
  isManagerId,
  managersMax,
  readManagerFacts,
  readManagerList,
  type ManagerEntry,
  type ManagerFacts,
  type ManagerHealth,
  type ManagerList,
} from "./manager.ts";
export { managersOfTask, NearestManagers, ownerOfTask, type HostPlace } from "./nearest.ts";
export { RoundTrips } from "./round-trips.ts";
export { isSiteName, readSiteRanges, siteOf, siteRangesKey, type SiteRange } from "./site.ts";
