/** One object that the user wants: where it is, what is known of it, where it goes. */

import { DarnerError } from "#base/mod.ts";
import { parseDigest, parseUrl, type Digest } from "#core/model/mod.ts";
import type { ByteRange } from "./byte-range.ts";
import type { ListLine } from "./list-lines.ts";
import { nameFromUrl } from "./output-name.ts";
import { basicAuthorization, findLogin } from "./request-headers.ts";

export interface Wanted {
  /** Without user and password, which are in the headers. */
  readonly url: string;
  /** What messages call it: no credentials, no query. */
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A path; `-` is the standard output. */
  readonly output: string;
  /** The user named this very output and means to replace it. */
  readonly replaces: boolean;
  readonly digest?: Digest;
  readonly range?: ByteRange;
  readonly filterQuery: readonly string[];
  readonly tag: string;
  /** It travels and lies sealed. */
  readonly sensitive: boolean;
}

export interface WantedCommon {
  /** `-O`, which `-P` does not touch. */
  readonly output: string | undefined;
  readonly directory: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly netrc: string | undefined;
  readonly digest: string | undefined;
  readonly range: ByteRange | undefined;
  readonly filterQuery: readonly string[];
  readonly tag: string;
  readonly sensitive: boolean;
}

/** Throws `url.malformed`, `digest.malformed`. */
export function wantedFrom(line: ListLine, common: WantedCommon): Wanted {
  const url = parseUrl(line.url);
  const { range, filterQuery, tag, sensitive } = common;
  const digestText = line.digest ?? common.digest;
  const headers = { ...loginHeader(url, common.netrc), ...common.headers };
  url.username = "";
  url.password = "";
  url.hash = "";
  return {
    url: url.href,
    name: shownUrl(url),
    headers,
    output: common.output ?? inDirectory(common.directory, line.output ?? nameFromUrl(url)),
    replaces: common.output !== undefined,
    filterQuery,
    tag,
    sensitive,
    ...(digestText === undefined ? {} : { digest: parseDigest(digestText) }),
    ...(range === undefined ? {} : { range }),
  };
}

const shownUrl = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}`;

function loginHeader(url: URL, netrc: string | undefined): Record<string, string> {
  if (url.username !== "" || url.password !== "") {
    return { authorization: basicAuthorization(decodePart(url.username), decodePart(url.password)) };
  }
  const login = netrc === undefined ? undefined : findLogin(netrc, url.hostname);
  return login === undefined ? {} : { authorization: basicAuthorization(login.user, login.password) };
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function inDirectory(directory: string | undefined, output: string): string {
  if (directory === undefined || output === "-" || output.startsWith("/")) return output;
  return `${directory.replace(/\/+$/, "") || (directory.startsWith("/") ? "" : ".")}/${output}`;
}

/** Two downloads into one output would fight over it. Throws `usage`. */
export function assertDistinctOutputs(wanted: readonly Wanted[]): void {
  const seen = new Set<string>();
  for (const { output } of wanted) {
    if (output === "-" && wanted.length > 1) {
      throw new DarnerError("usage", "cannot write several objects to the standard output: one at a time");
    }
    if (seen.has(output)) {
      throw new DarnerError("usage", `cannot write two objects to ${output}: name the outputs apart, or use -P DIR`);
    }
    seen.add(output);
  }
}
