/**
 * The flags of a command whose help is the paragraph at its file's head: `--help` prints that, and what
 * each flag is when it is not given; a mistake is one line and status 2.
 */

import { readFileSync } from "node:fs";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: Options }>>["values"];

/** `file`: the caller's own, `import.meta.filename`. Ends the process where there is nothing to run. */
export function readFlags<const Options extends ParseArgsOptionsConfig>(
  file: string,
  options: Options,
): Values<Options> {
  if (process.argv.includes("--help")) {
    process.stdout.write(helpOf(readFileSync(file, "utf8"), options));
    return process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message.split(". ", 1)[0]!}; see --help\n`);
    return process.exit(2);
  }
}

/** The head comment's text without its stars, then the flags. */
export function helpOf(source: string, options: ParseArgsOptionsConfig): string {
  const head = /^\/\*\*\n([^]*?)\n \*\//.exec(source)?.[1] ?? "";
  const flags = Object.entries(options).map(([name, { default: usual }]) =>
    usual === undefined || usual === false ? `  --${name}` : `  --${name} (${String(usual)})`,
  );
  return [head.replaceAll(/^ \* ?/gm, ""), "", "Flags, with what they are unless given:", ...flags, ""].join("\n");
}
