/**
 * What may be spoken to in the clear. Beyond this machine a cluster's processes talk over TLS, unless
 * `--trust off` says that the lab is closed.
 */

import { DarnerError } from "#base/mod.ts";
import { isLoopbackAddress } from "#core/placement/mod.ts";

export type ClusterRole = "manager" | "config service";

/**
 * The URL of a manager or the config service, its path dropped. Throws `url.malformed`, `url.scheme`,
 * or `trust.required` for an http:// one beyond loopback while `trust` is on.
 */
export function assertManagerUrlAllowed(text: string, trust: boolean, role: ClusterRole = "manager"): URL {
  const url = URL.parse(text);
  if (url === null) {
    const next = "it should be like http://HOST:PORT";
    throw new DarnerError(
      "url.malformed",
      `cannot use the ${role} "${withoutSecrets(text)}": it is not a URL; ${next}`,
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const why = `its scheme is ${url.protocol.slice(0, -1)}; it should be http or https`;
    throw new DarnerError("url.scheme", `cannot use the ${role} "${withoutSecrets(text)}": ${why}`);
  }
  if (trust && url.protocol === "http:" && !isThisMachine(url.hostname)) {
    const next = "join its cluster with darner join, or say --trust off in a closed network";
    throw new DarnerError("trust.required", `cannot use the ${role} ${url.origin}: it is not encrypted; ${next}`);
  }
  return new URL(url.origin);
}

/** Loopback by its address or by the names that are kept for it. */
export function isThisMachine(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || isLoopbackAddress(hostname);
}

function withoutSecrets(text: string): string {
  return text.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//");
}
