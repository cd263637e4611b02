/** The real interception, over `node:tls`: a certificate for each host, made when it is first wanted. */

import type { SecureContext } from "node:tls";
import { interceptionAuthority, interceptionCertificate } from "./certificates.ts";
import type { Clock } from "../machine/clock.ts";
import { tls } from "../machine/modules.node.ts";
import type { Interception } from "./interception.ts";
import type { Random } from "../machine/random.ts";
import { newSigningKey, type SigningKey } from "./signing.ts";

const leafLifeMs = 7 * 86_400_000;
const renewMs = 86_400_000;
const hostsMax = 1000;

export function createInterception(key: SigningKey, authority: string, clock: Clock, random: Random): Interception {
  const contexts = new Map<string, { readonly context: SecureContext; readonly untilMs: number }>();
  const contextFor = (host: string): SecureContext => {
    const wallMs = clock.wallMs();
    const known = contexts.get(host);
    if (known !== undefined && wallMs < known.untilMs) return known.context;
    const leaf = newSigningKey();
    const wanted = { host, publicKey: leaf.publicKey, lifeMs: leafLifeMs, wallMs, random };
    const cert = interceptionCertificate(key, wanted);
    const context = tls().createSecureContext({ key: leaf.exportPem(), cert });
    contexts.set(host, { context, untilMs: wallMs + leafLifeMs - renewMs });
    if (contexts.size > hostsMax) contexts.delete(contexts.keys().next().value as string);
    return context;
  };
  return {
    authority,
    terminate(socket, head, host) {
      if (head.length > 0) socket.unshift(head);
      return new (tls().TLSSocket)(socket, {
        isServer: true,
        secureContext: contextFor(host),
        ALPNProtocols: ["http/1.1"],
      });
    },
  };
}

/** The authority's certificate for a key that has none yet, PEM. */
export function newInterceptionAuthority(key: SigningKey, clock: Clock, random: Random): string {
  return interceptionAuthority(key, clock.wallMs(), random);
}
