/**
 * The headers that go to the origin: `--header 'Name: value'`, `-H @FILE` with one a line, the user
 * and password of a URL or of ~/.netrc. No message of this file shows a value.
 */

import { DarnerError } from "#base/mod.ts";

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Set by the transfer itself; a user's would make the answer another than was asked for. */
const ours: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "host",
  "if-range",
  "range",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** Later lines of one name replace earlier ones. Throws `usage`. */
export function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!token.test(name) || /[^\P{Cc}\t]/u.test(value)) {
      const shown = token.test(name) ? ` "${name}"` : "";
      throw new DarnerError("usage", `cannot send the header${shown}: it should be 'Name: value' on one line`);
    }
    if (ours.has(name)) {
      const next = name === "range" ? "use --range" : "leave it out";
      throw new DarnerError("usage", `cannot send the header "${name}": Darner sets it itself; ${next}`);
    }
    headers[name] = value;
  }
  return headers;
}

export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** The login for `host` in the text of a .netrc file, or its `default`. Macros are passed over. */
export function findLogin(netrc: string, host: string): Login | undefined {
  const words = netrcWords(netrc);
  let entry: { host: string | undefined; user: string; password: string } | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === "machine" || word === "default") {
      if (entry !== undefined && isFor(entry.host, host)) return entry;
      entry = { host: word === "machine" ? words[++index]?.toLowerCase() : undefined, user: "", password: "" };
    } else if (word === "login" && entry !== undefined) entry.user = words[++index] ?? "";
    else if (word === "password" && entry !== undefined) entry.password = words[++index] ?? "";
    else if (word === "account") index++;
  }
  return entry !== undefined && isFor(entry.host, host) ? entry : undefined;
}

const isFor = (machine: string | undefined, host: string): boolean =>
  machine === undefined || machine === host.toLowerCase();

function netrcWords(netrc: string): string[] {
  const words: string[] = [];
  let inMacro = false;
  for (const line of netrc.split(/\r?\n/)) {
    if (inMacro) {
      inMacro = line.trim() !== "";
      continue;
    }
    if (line.trimStart().startsWith("#")) continue;
    const found: readonly string[] = line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
    const macro = found.indexOf("macdef");
    inMacro = macro >= 0;
    for (const word of macro < 0 ? found : found.slice(0, macro)) {
      words.push(word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word);
    }
  }
  return words;
}
