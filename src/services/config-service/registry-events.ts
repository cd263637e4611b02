/**
 * What a registry says was pushed (Distribution's notifications, application/vnd.docker.distribution.
 * events.v2+json): the addresses of the images among it whose repositories a pattern names.
 */

import { manifestPath, matchesWildcard, readRegistryPath } from "#core/image/mod.ts";

const eventsMax = 1000;

export function pushedImages(envelope: unknown, patterns: readonly string[]): readonly string[] {
  const events = (envelope as { events?: unknown } | null)?.events;
  if (!Array.isArray(events)) return [];
  const urls = events.slice(0, eventsMax).map((event) => pushedImage(event as unknown, patterns));
  return [...new Set(urls.filter((url) => url !== undefined))];
}

function pushedImage(event: unknown, patterns: readonly string[]): string | undefined {
  const { action, target } = (event ?? {}) as { action?: unknown; target?: Record<string, unknown> | null };
  if (action !== "push" || typeof target?.["url"] !== "string" || !URL.canParse(target["url"])) return undefined;
  const { origin, pathname } = new URL(target["url"]);
  const path = readRegistryPath(pathname);
  if (path.kind !== "manifest" || !patterns.some((pattern) => matchesWildcard(pattern, path.repository)))
    return undefined;
  return `${origin}${manifestPath(path.repository, path.digest)}`;
}
