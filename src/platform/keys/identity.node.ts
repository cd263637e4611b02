/** The real identity: a key, its certificate, and OpenSSL's context of both, made once per certificate. */

import type * as Tls from "node:tls";
import { assert, DarnerError } from "#base/mod.ts";
import type { Member } from "#core/model/mod.ts";
import { memberOf, readCertificate } from "./certificates.ts";
import type { Identity, TlsParty } from "./identity.ts";
import type { SigningKey } from "./signing.ts";

const tls = (): typeof Tls => process.getBuiltinModule("node:tls");
const versions = { minVersion: "TLSv1.3" } as const;

/** Believes one authority (PEM) and shows no certificate: whoever joins, and operators with tokens. */
export function createNodeVisitor(authority: string): TlsParty {
  const context = tls().createSecureContext({ ...versions, ca: authority });
  return { context: () => context };
}

export interface IdentityFiles {
  readonly authority: string;
  readonly certificate: string;
  readonly key: SigningKey;
}

/** Throws `store.corrupt` when the certificate is none, or not for the key. */
export function createNodeIdentity({ authority, certificate, key }: IdentityFiles): Identity {
  const listeners: (() => void)[] = [];
  const open = (cert: string): { member: Member; shown: Identity["shown"]; context: Tls.SecureContext } => {
    const member = checked(cert, key);
    const shown = { cert, key: key.exportPem() };
    const context = tls().createSecureContext({ ...versions, ca: authority, ...shown });
    return { member, shown, context };
  };
  let current = open(certificate);
  return {
    authority,
    get member() {
      return current.member;
    },
    get shown() {
      return current.shown;
    },
    context: () => current.context,
    renew(next) {
      current = open(next);
      for (const listener of listeners) listener();
    },
    onRenewed(listener) {
      assert(listeners.length < 16, "few listen to an identity");
      listeners.push(listener);
    },
  };
}

function checked(pem: string, key: SigningKey): Member {
  let member: Member | undefined;
  try {
    member = memberOf(readCertificate(pem));
  } catch (cause) {
    throw unfit("it is no certificate", cause);
  }
  if (member === undefined) throw unfit("it is not a cluster's");
  if (member.publicKey !== key.publicKey) throw unfit("it is for another key");
  return member;
}

function unfit(why: string, cause?: unknown): DarnerError {
  return new DarnerError("store.corrupt", `cannot use the member's certificate: ${why}; join the cluster again`, {
    cause,
  });
}
