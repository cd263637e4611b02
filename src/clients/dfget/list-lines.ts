/** The lines of `-i FILE`: `URL<TAB>OUTPUT<TAB>DIGEST`, the last two optional; `#` begins a comment. */

import { DarnerError } from "#base/mod.ts";

export interface ListLine {
  readonly url: string;
  /** Where it stands: `line 3 of the standard input`. */
  readonly place?: string;
  readonly output?: string;
  readonly digest?: string;
}

const linesMax = 1_000_000;

/** Throws `usage`, naming the line. */
export function parseList(text: string, name: string): ListLine[] {
  const found: ListLine[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const [url = "", output = "", digest = "", ...more] = line.split("\t").map((part) => part.trim());
    const place = `line ${index + 1} of ${name}`;
    const hasSpace = /\s/.test(url);
    if (url === "" || hasSpace || more.length > 0) {
      const says =
        url === "" ? "it has no URL" : hasSpace ? "its URL has a space in it" : "it has more than three columns";
      throw new DarnerError("usage", `cannot read ${place}: ${says}; it should be URL<TAB>OUTPUT<TAB>DIGEST`);
    }
    found.push({ url, place, ...(output === "" ? {} : { output }), ...(digest === "" ? {} : { digest }) });
  });
  if (found.length > linesMax)
    throw new DarnerError("usage", `cannot read ${name}: it has more than ${linesMax} lines; split it`);
  return found;
}
