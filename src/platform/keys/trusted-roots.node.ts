/**
 * Whom TLS trusts: the authorities that Node brings (with NODE_EXTRA_CA_CERTS), those the user named,
 * and, when these do not suffice, those the machine's administrator installed. The last are read only
 * then, since reading them costs some 80 ms of a start.
 */

import { X509Certificate } from "node:crypto";
import type { SecureContext } from "node:tls";
import { DarnerError } from "#base/mod.ts";
import { tls } from "../machine/modules.node.ts";

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** OpenSSL skips what it cannot read, which would look like an untrusted server: throws `settings.invalid`. */
export function checkCaCertificates(texts: readonly string[]): void {
  for (const text of texts) {
    const blocks = text.match(pemBlock);
    if (blocks === null) {
      throw new DarnerError(
        "settings.invalid",
        "cannot read a CA certificate: it has no PEM block; it should begin with -----BEGIN CERTIFICATE-----",
      );
    }
    for (const block of blocks) {
      try {
        void new X509Certificate(block);
      } catch (cause) {
        throw new DarnerError(
          "settings.invalid",
          "cannot read a CA certificate: a PEM block is no X.509 certificate; export it again",
          { cause },
        );
      }
    }
  }
}

/** Undefined stands for Node's own default, which is shared and already parsed. */
export function trustContext(own: readonly string[], withSystem: boolean): SecureContext | undefined {
  if (own.length === 0 && !withSystem) return undefined;
  const system = withSystem ? tls().getCACertificates("system") : [];
  return tls().createSecureContext({ ca: [...new Set([...tls().getCACertificates("default"), ...system, ...own])] });
}
