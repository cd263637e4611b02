/** Where objects come from: one small interface, and one implementation for each kind of origin. */

import { DarnerError } from "#base/mod.ts";
import type { ReachPolicy } from "#core/reach/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { HttpClient } from "#platform/http-client/client.ts";
import { createHttpOrigin } from "./http.ts";
import type { Origin } from "./origin.ts";
import { reachBy } from "./reach.ts";
import { nameOf, withoutSecrets } from "./url-name.ts";

export type { Origin, OriginAnswer, OriginBody, OriginHead, OriginRequest } from "./origin.ts";

export interface OriginParts {
  readonly httpClient: HttpClient;
  readonly clock: Clock;
  /** As it is now; absent: everything may be fetched, with the rights of whoever runs this process. */
  readonly reach?: () => ReachPolicy;
}

/** An origin that passes each request to the one for its URL's scheme; else `url.scheme`, `url.malformed`. */
export function createOrigins(parts: OriginParts): Origin {
  const http = createHttpOrigin({ ...parts, reach: reachBy(parts.reach) });
  const byScheme: ReadonlyMap<string, Origin> = new Map([
    ["http:", http],
    ["https:", http],
  ]);
  const originOf = (text: string): Origin => {
    const url = URL.parse(text);
    if (url === null) {
      const says = "it is not a URL; it should look like https://host/path";
      throw new DarnerError("url.malformed", `cannot fetch "${withoutSecrets(text)}": ${says}`);
    }
    const origin = byScheme.get(url.protocol);
    if (origin === undefined) {
      const known = [...byScheme.keys()].map((scheme) => scheme.slice(0, -1)).join(" or ");
      const says = `no origin speaks "${url.protocol.slice(0, -1)}"; the URL should begin with ${known}`;
      throw new DarnerError("url.scheme", `cannot fetch ${nameOf(url)}: ${says}`);
    }
    return origin;
  };
  return {
    open: async (request, signal) => await originOf(request.url).open(request, signal),
    look: async (request, signal) => await originOf(request.url).look(request, signal),
  };
}
