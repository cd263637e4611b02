/**
 * How a process proves itself over TLS, and whom it believes: the cluster's authority and nobody else.
 * Asked anew for each connection, since certificates are renewed while their process runs.
 */

import type { SecureContext } from "node:tls";
import type { Member } from "#core/model/mod.ts";

/** One who dials: proves itself if it can. */
export interface TlsParty {
  /** For a connection made now. */
  context(): SecureContext;
}

export interface Identity extends TlsParty {
  readonly member: Member;
  /** The authority's certificate, PEM. */
  readonly authority: string;
  /** What a server shows: certificate and key, PEM. */
  readonly shown: { readonly cert: string; readonly key: string };
  /** From now on this certificate is shown; it is for the same key. Throws when it is not. */
  renew(certificate: string): void;
  /** Calls `listener` after each renewal. */
  onRenewed(listener: () => void): void;
}
