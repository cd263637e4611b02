/** What may be fetched from where: schemes, hosts, ports and addresses, sizes and times. */

export { parseRange, type AddressRange } from "#core/placement/mod.ts";
export * from "./policy.ts";
