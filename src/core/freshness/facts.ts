/** What a response says that matters for keeping and re-using it, as the HTTP client saw it. */

export interface ResponseFacts {
  readonly status: number;
  /** The URL that answered, after redirects. */
  readonly url: string;
  /** Header names in lower case; several lines of one name joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Wall clock when the request left and when the answer's head came, in ms since 1970. */
  readonly requestedAtMs: number;
  readonly answeredAtMs: number;
  /** It came from an address that only callers on the same machine may reach (core/reach). */
  readonly nearOnly?: true;
}
