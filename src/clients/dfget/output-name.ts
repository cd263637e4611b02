/** The file name that a URL saves under, and the names of the two hidden files of a partial download. */

import { sha256Hex } from "#platform/keys/digest.ts";

/** A file name has at most 255 bytes (NAME_MAX); the hidden files' names are longer than the output's. */
const nameBytesMax = 255;
const hiddenNameBytesMax = 200;

/** The last segment of the path, decoded where that is safe; `index.html` when the path ends in a slash. */
export function nameFromUrl(url: URL): string {
  const segment = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  const decoded = decodeSafely(segment);
  if (decoded === "" || decoded === "." || decoded === "..") return "index.html";
  return byteLength(decoded) <= nameBytesMax ? decoded : `${cut(decoded, 180)}-${sha256Hex(decoded).slice(0, 16)}`;
}

/** What decodes to a slash, a control character or no text stays as the URL has it. */
function decodeSafely(segment: string): string {
  try {
    const decoded = decodeURIComponent(segment);
    return /[/\\\p{Cc}\p{Cf}\u2028\u2029]/u.test(decoded) ? segment : decoded;
  } catch {
    return segment;
  }
}

export interface PartialPaths {
  readonly part: string;
  readonly journal: string;
}

/** `.NAME.darner-part` and `.NAME.darner-journal` beside the output. */
export function partialPaths(output: string): PartialPaths {
  const slash = output.lastIndexOf("/") + 1;
  const directory = output.slice(0, slash);
  const name = output.slice(slash);
  const short = byteLength(name) <= hiddenNameBytesMax ? name : `${cut(name, 120)}-${sha256Hex(name).slice(0, 16)}`;
  return { part: `${directory}.${short}.darner-part`, journal: `${directory}.${short}.darner-journal` };
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

function cut(text: string, bytesMax: number): string {
  let kept = "";
  for (const char of text) {
    if (byteLength(kept) + byteLength(char) > bytesMax) break;
    kept += char;
  }
  return kept;
}
