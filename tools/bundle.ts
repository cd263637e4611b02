/**
 * Joins the program into one file, dist/darner.cjs, which `bin/` prefers while no source is newer: one
 * file to find, read and compile instead of some hundred. dfget, which starts often, has its own.
 * Run by `npm ci`; parts that a command does not need are still only evaluated when it asks for them.
 */

import { build } from "esbuild";

await build({
  entryPoints: { darner: "src/main.ts", dfget: "src/commands/dfget-main.ts" },
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node26",
  format: "cjs",
  // Names stay readable in stack traces; the compile cache makes size cheap.
  minifySyntax: true,
  sourcemap: false,
  legalComments: "none",
  logLevel: "warning",
});
