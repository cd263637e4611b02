/** The lines of `-i FILE`: `URL<TAB>OUTPUT<TAB>DIGEST`, the last two optional; `#` begins a comment. */

import { DarnerError } from "#base/mod.ts";

export interface ListLine {
  readonly url: string;
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
    if (url === "" || more.length > 0) {
      const says = url === "" ? "it has no URL" : "it has more than three columns";
      throw new DarnerError(
        "usage",
        `cannot read line ${index + 1} of ${name}: ${says}; it should be URL<TAB>OUTPUT<TAB>DIGEST`,
      );
    }
    found.push({ url, ...(output === "" ? {} : { output }), ...(digest === "" ? {} : { digest }) });
  });
  if (found.length > linesMax)
    throw new DarnerError("usage", `cannot read ${name}: it has more than ${linesMax} lines; split it`);
  return found;
}
