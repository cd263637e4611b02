/**
 * The network's failures as ours: the error codes of the system's calls and of OpenSSL's certificate
 * check, each with the retry that fits and the next step for a person.
 */

import { DarnerError, type ErrorCode, type Retry } from "#base/mod.ts";

interface Verdict {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly says: string;
}

const soon: Retry = { afterMs: 1000 };
const caHint = "name its authority with --ca-certificate FILE if you trust it";

const verdicts: Readonly<Record<string, Verdict>> = {
  ENOTFOUND: { code: "network.unknown-host", retry: "never", says: "the host's name is unknown; check its spelling" },
  EAI_AGAIN: {
    code: "network.unknown-host",
    retry: soon,
    says: "the host's name cannot be resolved now; check the DNS server",
  },
  ECONNREFUSED: {
    code: "network.refused",
    retry: soon,
    says: "nothing listens there; check the port, or start the server",
  },
  ETIMEDOUT: { code: "network.timeout", retry: soon, says: "no answer in time; check the address and any firewall" },
  ECONNRESET: { code: "network.broken", retry: "now", says: "the other side broke the connection; try again" },
  ECONNABORTED: { code: "network.broken", retry: "now", says: "the connection was cut; try again" },
  EPIPE: { code: "network.broken", retry: "now", says: "the other side closed the connection; try again" },
  EHOSTUNREACH: { code: "network.unreachable", retry: soon, says: "no route to the host; check the network" },
  ENETUNREACH: { code: "network.unreachable", retry: soon, says: "no route to the network; check the network" },
  EADDRNOTAVAIL: {
    code: "network.unreachable",
    retry: soon,
    says: "no local address to connect from; check the network",
  },
  CERT_HAS_EXPIRED: {
    code: "tls.expired",
    retry: "never",
    says: "its certificate has expired; its owner should renew it",
  },
  CERT_NOT_YET_VALID: {
    code: "tls.expired",
    retry: "never",
    says: "its certificate is not yet valid; check this machine's clock",
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    code: "tls.untrusted",
    retry: "never",
    says: `its certificate is self-signed; ${caHint}`,
  },
  CERT_REVOKED: {
    code: "tls.untrusted",
    retry: "never",
    says: "its certificate was revoked; its owner should replace it",
  },
};

const untrustedCodes: ReadonlySet<string> = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "CERT_CHAIN_TOO_LONG",
  "CERT_SIGNATURE_FAILURE",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
]);
const nameCodes: ReadonlySet<string> = new Set(["ERR_TLS_CERT_ALTNAME_INVALID", "HOSTNAME_MISMATCH"]);

/** `action` is what was tried, such as `fetch https://host/path`: no credentials and no query. */
export function networkError(error: unknown, action: string): DarnerError {
  if (error instanceof DarnerError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  const { code: ours, retry, says } = verdicts[code] ?? otherVerdict(code, error);
  return new DarnerError(ours, `cannot ${action}: ${says}`, { retry, facts: { errno: code }, cause: error });
}

/** The same of a member of the cluster, whose certificate is the cluster's own affair. */
export function memberError(error: unknown, action: string): DarnerError {
  const known = networkError(error, action);
  const says = memberSays[known.code];
  if (says === undefined) return known;
  const { retry, facts } = known;
  return new DarnerError(known.code, `cannot ${action}: ${says}`, { retry, facts, cause: error });
}

/** Over TLS a member is spoken to by members. */
export function notJoined(action: string): DarnerError {
  const why = "this process has joined no cluster; run darner join, and say no --trust off";
  return new DarnerError("trust.required", `cannot ${action}: ${why}`);
}

const memberSays: Partial<Record<ErrorCode, string>> = {
  "tls.untrusted": "its certificate is not of the cluster that this process belongs to; check the address",
  "tls.name": "it is a member of the cluster, but not of the role that was looked for; check the address",
  "tls.expired": "its certificate has ended or does not count yet; check both clocks, and that it renews",
};

function otherVerdict(code: string, error: unknown): Verdict {
  if (nameCodes.has(code)) {
    const says = `its certificate is for ${certificateNames(error)}; check the host's name in the URL`;
    return { code: "tls.name", retry: "never", says };
  }
  if (untrustedCodes.has(code)) {
    return { code: "tls.untrusted", retry: "never", says: `no known authority vouches for its certificate; ${caHint}` };
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) {
    const says = `the TLS handshake failed (${oneLine(reasonOf(error))}); check that the port speaks TLS`;
    return { code: "tls.failed", retry: "never", says };
  }
  return { code: "network.broken", retry: soon, says: `the connection failed (${oneLine(code)}); try again` };
}

function certificateNames(error: unknown): string {
  const names = (error as { cert?: { subjectaltname?: string } }).cert?.subjectaltname;
  return names === undefined ? "another name" : oneLine(names);
}

function reasonOf(error: unknown): string {
  const { reason, code } = error as { reason?: string; code?: string };
  return reason ?? code ?? "no reason given";
}

/** The other side chose these words: keep them short and printable. */
function oneLine(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]+/g, " ");
  return printable.length > 120 ? `${printable.slice(0, 117)}...` : printable;
}
