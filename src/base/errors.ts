/**
 * Trouble outside: the one error class of the product and the table of its codes.
 *
 * Every failure that a user or an operator can meet has a stable code. The table gives each code
 * the exit status that `dfget` and `darner` end with (all below 126, in decades that follow wget's
 * digits: 3x files, 4x network, 5x TLS, 6x rights, 7x protocol, 8x the server's answer) and the
 * sentence that docs/reference/errors.md shows. A message says the action that failed, then what
 * is, then what should be or what to do next.
 */

/** When a failed action may be tried again; decided where the error is made. */
export type Retry = "never" | "now" | { readonly afterMs: number };

export const errorTable = {
  "internal": { exit: 1, doc: "A bug in Darner, or a failure nobody foresaw." },
  "usage": { exit: 2, doc: "The command line cannot be understood." },
  "interrupted": { exit: 10, doc: "Stopped by a signal before the end; a partial download is kept for the next run." },
  "url.malformed": { exit: 20, doc: "The URL cannot be parsed." },
  "url.scheme": { exit: 21, doc: "No origin speaks the scheme of the URL." },
  "settings.unknown-key": { exit: 22, doc: "A settings file names a setting that does not exist." },
  "settings.invalid": { exit: 23, doc: "A setting has a value of the wrong type or out of its bounds." },
  "digest.malformed": { exit: 24, doc: "A digest is not sha256:, sha512: or md5: and the right number of hex digits." },
  "output.exists": { exit: 30, doc: "The output exists and would be overwritten." },
  "output.not-writable": { exit: 31, doc: "The output cannot be created or written." },
  "disk.full": { exit: 32, doc: "No space is left for the download or the cache." },
  "disk.failed": { exit: 33, doc: "Reading or writing a file failed." },
  "network.unknown-host": { exit: 40, doc: "The host's name cannot be resolved." },
  "network.refused": { exit: 41, doc: "Nothing listens at the host and port." },
  "network.timeout": { exit: 42, doc: "The other side did not answer, or stopped sending, for too long." },
  "network.broken": { exit: 43, doc: "The connection broke." },
  "network.unreachable": { exit: 44, doc: "There is no route to the host." },
  "tls.name": { exit: 50, doc: "The certificate is for another name." },
  "tls.untrusted": { exit: 51, doc: "The certificate's chain does not end at a trusted authority." },
  "tls.expired": { exit: 52, doc: "The certificate is expired or not yet valid." },
  "tls.failed": { exit: 53, doc: "The TLS handshake failed." },
  "origin.unauthorized": { exit: 60, doc: "The origin wants a credential (401)." },
  "origin.forbidden": { exit: 61, doc: "The origin refuses this credential (403)." },
  "reach.refused": { exit: 62, doc: "The reach policy does not let this origin be fetched for this caller." },
  "origin.redirect-loop": { exit: 70, doc: "The origin redirects in a circle or too often." },
  "origin.redirect-scheme": {
    exit: 71,
    doc: "The origin redirects to another scheme than https or http, or from https down to http.",
  },
  "origin.body-short": { exit: 72, doc: "The body ended before the announced length." },
  "origin.body-long": { exit: 73, doc: "The body is longer than announced." },
  "origin.changed": { exit: 74, doc: "The object changed at the origin during the transfer, twice." },
  "origin.protocol": { exit: 75, doc: "The origin's answer is not valid HTTP or contradicts itself." },
  "origin.range": { exit: 76, doc: "The range lies outside the object, or the origin cannot give it." },
  "origin.not-found": { exit: 80, doc: "The origin has no such object (404)." },
  "origin.gone": { exit: 81, doc: "The object was removed for good (410)." },
  "origin.rate-limited": { exit: 82, doc: "The origin asks us to come back later (429)." },
  "origin.server-error": { exit: 83, doc: "The origin failed (5xx)." },
  "origin.status": { exit: 84, doc: "The origin answered with another status than success." },
  "digest.mismatch": { exit: 90, doc: "The bytes do not have the digest that was promised." },
  "seal.broken": {
    exit: 91,
    doc: "A sealed piece does not open: it was sealed for another place, or its key is not here.",
  },
  "cluster.unreachable": {
    exit: 100,
    doc: "No cluster manager or config service can be reached and going to the origin is not allowed.",
  },
  "cluster.refused": { exit: 101, doc: "The cluster manager or the daemon refused the request." },
  "cluster.protocol": { exit: 102, doc: "The other process speaks another version of the protocol, or breaks it." },
  "cluster.stalled": { exit: 103, doc: "No source gave new bytes for too long." },
  "daemon.unreachable": { exit: 104, doc: "The host daemon does not answer on its socket." },
  "daemon.gone": { exit: 105, doc: "The host daemon ended in mid-transfer and going on without it is not allowed." },
  "trust.required": {
    exit: 106,
    doc: "A process beyond this machine would be spoken to in clear without --trust off, or its cluster was not joined.",
  },
  "trust.credential": { exit: 107, doc: "The call shows no credential that counts, and needs one." },
  "trust.right": { exit: 108, doc: "The caller is known, and has no right to this." },
  "trust.join": { exit: 109, doc: "The join token does not count, or the address is not the cluster that made it." },
  "port.taken": { exit: 110, doc: "Another process listens on the address already." },
  "listen.failed": { exit: 111, doc: "The address cannot be listened on." },
  "store.locked": { exit: 112, doc: "Another process uses the data directory." },
  "store.corrupt": { exit: 113, doc: "Stored state cannot be read." },
  "deadline": { exit: 124, doc: "The whole command took longer than --timeout allows." },
} as const;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorOptions {
  readonly retry?: Retry;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

/** A failure outside Darner's own code: `code` is stable, `message` is for a person. */
export class DarnerError extends Error {
  override readonly name = "DarnerError";
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly facts: Readonly<Record<string, string | number | boolean>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? "never";
    this.facts = options.facts ?? {};
  }

  get exitStatus(): number {
    return errorTable[this.code].exit;
  }
}

/** What crosses a process boundary of an error: enough to show it and to decide about a retry. */
export interface ErrorWire {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retry: Retry;
}

export function errorToWire(error: unknown): ErrorWire {
  const known = asDarnerError(error);
  return { code: known.code, message: known.message, retry: known.retry };
}

export function errorFromWire(wire: ErrorWire): DarnerError {
  const code: ErrorCode = Object.hasOwn(errorTable, wire.code) ? wire.code : "internal";
  return new DarnerError(code, wire.message, { retry: wire.retry });
}

/** Any thrown value as a DarnerError; what is not one already becomes `internal`. */
export function asDarnerError(error: unknown): DarnerError {
  if (error instanceof DarnerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DarnerError("internal", `unexpected failure: ${message}`, { cause: error });
}
