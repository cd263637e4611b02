/** The flags of the data path's benchmark, and their help. */

import { parseArgs } from "node:util";
import type { Row, RowOptions } from "./row.ts";

const defaults = { mb: 1000, runs: 3, relayGb: 4 };

export interface Options extends RowOptions {
  readonly only: readonly string[] | undefined;
  readonly install: boolean;
  readonly help: boolean;
}

/** A line of at most 100 columns after another, each with this before it. */
function wrapped(text: string, before: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1)!.length + word.length > 96 - before.length) lines.push("");
    lines[lines.length - 1] += `${word} `;
  }
  return lines.map((line) => `${before}${line.trimEnd()}`).join("\n");
}

export function helpOf(rows: readonly Row[]): string {
  return `npm run bench:path -- [FLAGS]

What Darner's data path costs beside curl, aria2, nginx and openssl, on this machine, in one run, the
contenders of a row in turn. Everything is in memory (/dev/shm); CPU is what the kernel counts.

  --mb SIZE        the object, in millions of bytes, random (${defaults.mb})
  --runs N         runs of each contender; medians are printed (${defaults.runs}; "send" makes 5 at least)
  --piece-bytes N  length of pieces instead of what the product chooses
  --relay-gb SIZE  the sparse object of the row "relay" (${defaults.relayGb}; 30 is what is to be shown)
  --only NAME,...  only these rows
  --install        first fetch missing Debian packages with apt-get
  --help           this text

Rows:

${rows.map(({ name, help, root }) => `  ${name}${root === true ? " (root)" : ""}\n${wrapped(help, "      ")}`).join("\n")}

Each row prints its medians, then each bar with ok or MISSED, and is a line of bench/results/path.jsonl
with every run and the machine's facts. Ends with 1 when a bar was missed, with 2 when something is to
be set right first. A machine with other work on it spoils every figure.
`;
}

/** Throws an Error that names the flag. */
export function parseOptions(args: readonly string[]): Options {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      "mb": text,
      "runs": text,
      "piece-bytes": text,
      "relay-gb": text,
      "only": text,
      "install": flag,
      "help": flag,
    },
  });
  const pieceBytes = values["piece-bytes"];
  return {
    sizeBytes: Math.round(positive("--mb", values.mb, defaults.mb) * 1e6),
    runs: Math.ceil(positive("--runs", values.runs, defaults.runs)),
    relayBytes: Math.round(positive("--relay-gb", values["relay-gb"], defaults.relayGb) * 1e9),
    pieceBytes: pieceBytes === undefined ? undefined : positive("--piece-bytes", pieceBytes, 0),
    only: values.only?.split(","),
    install: values.install,
    help: values.help,
  };
}

function positive(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`${name} wants a number above 0, but got "${text}"`);
}
