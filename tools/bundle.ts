/**
 * Joins the program into one file, dist/darner.cjs, which `bin/` prefers while no source is newer: one
 * file to find, read and compile instead of some hundred. dfget, which starts often, has its own, and
 * so has the daemon, which is on every host: a text that is not loaded takes no memory.
 * Run by `npm ci`; parts that a command does not need are still only evaluated when it asks for them.
 */

import { build, type Plugin } from "esbuild";

/** Parts of prom-client and pino that nobody here uses, and that load TLS, zlib and workers: 3 MB. */
const unused = /^(?:\.\/lib\/(?:pushgateway|cluster)|thread-stream)$/;
const leaveOut: Plugin = {
  name: "leave-out",
  setup(bundler) {
    bundler.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: "leave-out" }));
    bundler.onLoad({ filter: unused, namespace: "leave-out" }, () => ({ contents: "module.exports = class {};" }));
  },
};

await build({
  entryPoints: { darner: "src/main.ts", dfget: "src/commands/dfget-main.ts", daemon: "src/commands/daemon-main.ts" },
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
  plugins: [leaveOut],
});
