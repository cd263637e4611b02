/**
 * Which header fields of a request are known to carry no secret and to decide no right. All others are
 * taken for credentials: they keep askers apart and stay with the authority that they were given for.
 */

const harmless: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "connection",
  "content-length",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "pragma",
  "range",
  "referer",
  "te",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

export function isHarmlessField(name: string): boolean {
  return harmless.has(name.toLowerCase());
}
