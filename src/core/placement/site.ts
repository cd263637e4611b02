/**
 * Which site a process belongs to: the one it names, else the one whose address range holds it (the
 * narrowest range where several do), else none.
 *
 * The ranges are one cluster-wide setting, written as `10.1.0.0/16=paris, fd00:2::/32=lyon`.
 */

import { addressInRange, parseAddress, parseRange, type AddressRange } from "./address.ts";

/** The key of the cluster-wide setting that holds the ranges. */
export const siteRangesKey = "site-ranges";

export const siteRangesMax = 4096;
const sitePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export interface SiteRange {
  readonly range: AddressRange;
  readonly site: string;
}

export type SiteRangesRead =
  | { readonly kind: "read"; readonly ranges: readonly SiteRange[] }
  | { readonly kind: "wrong"; readonly why: string };

/** Letters, digits, dots, dashes and underscores, 1 to 64 of them, starting with a letter or digit. */
export function isSiteName(text: string): boolean {
  return sitePattern.test(text);
}

/** Reads the setting's value; `wrong` says what is and what should be. */
export function readSiteRanges(value: unknown): SiteRangesRead {
  const wrong = (why: string): SiteRangesRead => ({ kind: "wrong", why });
  if (typeof value !== "string") return wrong("it should be text such as 10.1.0.0/16=paris,fd00:2::/32=lyon");
  const entries = value.split(/[\s,]+/).filter((entry) => entry !== "");
  if (entries.length > siteRangesMax)
    return wrong(`it has ${entries.length} ranges; at most ${siteRangesMax} are allowed`);
  const ranges: SiteRange[] = [];
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    const range = parseRange(entry.slice(0, Math.max(equals, 0)));
    const site = entry.slice(equals + 1);
    if (range === undefined) return wrong(`"${entry}" should be RANGE=SITE, such as 10.1.0.0/16=paris`);
    if (!isSiteName(site)) return wrong(`"${site}" is no site name; it should be letters, digits, dots and dashes`);
    ranges.push({ range, site });
  }
  return { kind: "read", ranges };
}

/** The site of a process, or undefined when it names none and no range holds its address. */
export function siteOf(
  member: { readonly site?: string | undefined; readonly address: string },
  ranges: readonly SiteRange[],
): string | undefined {
  if (member.site !== undefined && member.site !== "") return member.site;
  const address = parseAddress(member.address);
  if (address === undefined) return undefined;
  let narrowest: SiteRange | undefined;
  for (const candidate of ranges) {
    const narrower = narrowest === undefined || candidate.range.prefixBits > narrowest.range.prefixBits;
    if (narrower && addressInRange(address, candidate.range)) narrowest = candidate;
  }
  return narrowest?.site;
}
