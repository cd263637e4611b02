/** The Cache-Control field (RFC 9111, 5.2) as names with their values, and header fields by name. */

/** Directive names in lower case; a directive without an argument has the value "". Repeats are kept. */
export type Directives = ReadonlyMap<string, readonly string[]>;

const secondsMax = 2 ** 31;

export function parseDirectives(text: string | undefined): Directives {
  const directives = new Map<string, string[]>();
  // Token, then perhaps an argument as token or quoted string: caches accept both (5.2).
  const member = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s,;"]*)))?/g;
  for (const match of (text ?? "").matchAll(member)) {
    const name = match[1]!.toLowerCase();
    const value = match[2]?.replaceAll(/\\(.)/g, "$1") ?? match[3] ?? "";
    directives.set(name, [...(directives.get(name) ?? []), value]);
  }
  return directives;
}

/**
 * The directive's argument in seconds, at most 2^31 (1.2.2), or undefined when the directive is
 * missing. What is no number, or says two different things, counts as 0: stale (4.2.1).
 */
export function directiveSeconds(directives: Directives, name: string): number | undefined {
  const values = directives.get(name);
  if (values === undefined) return undefined;
  const [first] = values;
  if (!/^\d+$/.test(first!) || values.some((value) => value !== first)) return 0;
  return Math.min(Number(first), secondsMax);
}

/** The value of a field whose name's case nobody settled; "" when it is missing. */
export function fieldOf(headers: Readonly<Record<string, string>>, name: string): string {
  if (Object.hasOwn(headers, name)) return headers[name]!;
  const found = Object.keys(headers).find((key) => key.toLowerCase() === name);
  return found === undefined ? "" : headers[found]!;
}
