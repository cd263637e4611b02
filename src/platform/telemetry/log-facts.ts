/**
 * The facts of a log line made fit to be written: nothing secret, nothing endless, nothing that JSON
 * cannot say. Secrets are known by the name of their field, and in URLs by their place: user,
 * password and query are cut out of every URL in every text.
 */

const secretName = /authorization|cookie|passw|secret|token|ticket|credential|private-?key|api-?key|signature/i;
const urlWithSecrets = /([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#"'@]*@)?([^\s?#"']*)(?:\?[^\s#"']*)?/gi;
const depthMax = 5;
const itemsMax = 50;
const textMax = 4096;
export const redacted = "[redacted]";

export function cleanFacts(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return cleanObject(facts, 0);
}

/** `https://user:pw@host/path?sig=1` becomes `https://host/path?[redacted]`. */
export function cleanText(text: string): string {
  const short = text.length > textMax ? `${text.slice(0, textMax)}...` : text;
  if (!short.includes("://")) return short;
  return short.replace(urlWithSecrets, (whole, scheme: string, rest: string) => {
    return `${scheme}${rest}${whole.includes("?") ? `?${redacted}` : ""}`;
  });
}

function cleanObject(facts: object, depth: number): Record<string, unknown> {
  const cleaned: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts).slice(0, itemsMax)) {
    // Counts such as `ticketsIssued: 5` are no secrets.
    const isSecret =
      secretName.test(name) && (typeof value === "string" || typeof value === "object") && value !== null;
    cleaned[name] = isSecret ? redacted : cleanValue(value, depth + 1);
  }
  return cleaned;
}

function cleanValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return cleanText(value);
    case "bigint":
    case "symbol":
      return String(value);
    case "function":
      return undefined;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (value instanceof URL) return cleanText(value.href);
  if (value instanceof Error) return cleanError(value, depth);
  if (depth > depthMax) return "[deep]";
  if (Array.isArray(value)) return value.slice(0, itemsMax).map((item) => cleanValue(item, depth + 1));
  return cleanObject(value, depth);
}

function cleanError(error: Error & { code?: unknown }, depth: number): Record<string, unknown> {
  const cause = error.cause === undefined || depth > depthMax ? {} : { cause: cleanValue(error.cause, depth + 1) };
  const code = typeof error.code === "string" ? { code: error.code } : {};
  return { message: cleanText(error.message), ...code, ...cause };
}
