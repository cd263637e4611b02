/**
 * A manager's machine that is gone without a word: no process there closes a connection, no kernel resets
 * one. Its hosts turn to the next manager within seconds. Machines are network namespaces, so this needs
 * root; without it the test is skipped.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { loadNative } from "#platform/native/calls.node.ts";
import { Network } from "../../bench/swarm/network.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const isRoot = process.getuid?.() === 0;
const skip = isRoot ? (loadNative().available ? false : "needs FFI") : "needs root: network namespaces";
/** A second until the kernel asks, half of one more for the answer, a second to look again, a dial; else 8 s. */
const noticedMsMax = 6_000;

test(
  "the machine of a host's manager vanishes: the next one serves it within seconds",
  { skip, timeout: 60_000 },
  async () => {
    const folder = mkdtempSync("/tmp/darner-vanished-");
    const address = { first: "10.78.0.10", second: "10.78.0.11", host: "10.78.0.12" };
    const names = ["first", "second", "host"] as const;
    const network = new Network(names.map((name) => ({ name: `dnt-${name}`, address: address[name], mbit: 200 })));
    try {
      const run = (machine: (typeof names)[number], command: string): void => {
        const home = `${folder}/${machine}`;
        mkdirSync(home, { recursive: true });
        const places = `HOME=${home} XDG_RUNTIME_DIR=${home}`;
        const common = `--trust off --listen ${address[machine]}:8002 --data-dir ${home}/data`;
        network.start(
          `dnt-${machine}`,
          `cd ${home}; export ${places}; exec ${root}/bin/darner ${command} ${common}`,
          `${folder}/${machine}.log`,
        );
      };
      run("first", "cluster-manager");
      run("second", "cluster-manager");
      // A host that finds the first one not listening yet goes to the second, rightly.
      await until(folder, "first", '"event":"role.started"');
      await until(folder, "second", '"event":"role.started"');
      const urls = `http://${address.first}:8002,http://${address.second}:8002`;
      run("host", `daemon --manager ${urls} --socket ${folder}/d.sock --proxy-listen off`);
      await until(folder, "host", `"remote":"${address.first}:8002"`);
      // Quiet for long enough that nothing is on its way.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      execFileSync("ip", ["-n", "dnt-first", "link", "set", "eth0", "down"]);
      const goneMs = performance.now();
      await until(folder, "host", `"remote":"${address.second}:8002"`);
      const noticedMs = performance.now() - goneMs;
      assert.ok(noticedMs < noticedMsMax, `it turned to the next one after ${noticedMs} ms`);
    } finally {
      network.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

async function until(folder: string, machine: string, text: string): Promise<void> {
  const path = `${folder}/${machine}.log`;
  const endMs = performance.now() + 20_000;
  while (!existsSync(path) || !readFileSync(path, "utf8").includes(text)) {
    assert.ok(
      performance.now() < endMs,
      `within 20 s ${text} in: ${existsSync(path) ? readFileSync(path, "utf8") : ""}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
