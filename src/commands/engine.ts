/** `darner engine configure`: shows how an engine's configuration changes, writes it, and takes it back. */

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { DarnerError } from "#base/mod.ts";
import { engines, planEngine, showChange, type Engine, type FileChange } from "#clients/darner/mod.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";

interface Options {
  readonly proxy: string;
  readonly registry: readonly string[];
  readonly undo?: boolean;
  readonly yes?: boolean;
  readonly root: string;
}

const usualRegistries = ["docker.io", "ghcr.io", "quay.io", "registry.k8s.io"];

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner engine", "Container engines and the image proxy.");
  const configure = program
    .command("configure")
    .description("Make the image proxy an engine's mirror. Shows the difference, and asks before it writes.")
    .argument("<ENGINE>", engines.join(", "))
    .option("--proxy <URL>", "the image proxy as the engine reaches it", "http://127.0.0.1:65001")
    .option("--registry <NAME...>", "podman: registries to mirror", usualRegistries)
    .option("--undo", "take it back")
    .option("--yes", "write without asking")
    .option("--root <DIR>", "the file system that is configured", "/");
  configure.action(async (engine: string, options: Options) => configureEngine(readEngine(engine), options));
  await parseCommandLine(program, argv);
  return 0;
}

function readEngine(text: string): Engine {
  const engine = engines.find((name) => name === text);
  if (engine !== undefined) return engine;
  throw new DarnerError(
    "usage",
    `cannot configure "${text}": it should be ${new Intl.ListFormat("en", { type: "disjunction" }).format(engines)}`,
  );
}

async function configureEngine(engine: Engine, options: Options): Promise<void> {
  if (!URL.canParse(options.proxy))
    throw new DarnerError("usage", `cannot read --proxy "${options.proxy}": it is no URL`);
  const wish = {
    engine,
    proxyUrl: new URL(options.proxy).origin,
    registries: options.registry,
    undo: options.undo === true,
  };
  const { changes, notes } = planEngine(wish, (path) => readIfThere(join(options.root, path)));
  for (const change of changes) process.stdout.write(showChange(change));
  const open = changes.filter(({ before, after }) => before !== after);
  if (open.length > 0 && !(options.yes === true || (await confirmed())))
    process.stdout.write("Nothing was written; --yes writes it.\n");
  else {
    for (const change of open) write(options.root, change);
    for (const note of open.length > 0 ? notes : []) process.stdout.write(`${note}\n`);
  }
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(?:es)?$/i.test(await prompt.question("Write this? [y/N] "));
  } finally {
    prompt.close();
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new DarnerError("disk.failed", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Whole or not at all, with the rights that the file had. */
function write(root: string, { path, before, after }: FileChange): void {
  const whole = join(root, path);
  try {
    if (after === undefined) {
      rmSync(whole, { force: true });
      return;
    }
    mkdirSync(dirname(whole), { recursive: true });
    const mode = before === undefined ? 0o644 : statSync(whole).mode & 0o777;
    writeFileSync(`${whole}.darner-new`, after, { mode });
    renameSync(`${whole}.darner-new`, whole);
  } catch (cause) {
    const next = "run it as the user who may write there (root, usually)";
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "EACCES" ? "permission denied" : message;
    throw new DarnerError("output.not-writable", `cannot write ${whole}: ${why}; ${next}`, { cause });
  }
}
