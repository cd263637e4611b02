/**
 * The README's second machine: one machine runs `darner up`, two others have nothing but the command
 * that it prints. Machines are network namespaces, so this needs root; without it the test is skipped.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { execFileSync, type ChildProcess } from "node:child_process";
import { Network } from "../../bench/swarm/network.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import { seededContent } from "../origin/mod.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const sizeBytes = 20_000_000;
const seed = 11;
const skip = process.getuid?.() === 0 ? false : "needs root: network namespaces";

test(
  "two machines with nothing but a printed command share what the origin sends once",
  { skip, timeout: 60_000 },
  async () => {
    const folder = mkdtempSync("/tmp/darner-second-machine-");
    const machines = ["first", "second", "third"].map((name, index) => ({
      name: `dnt-${name}`,
      address: `10.78.0.${10 + index}`,
      mbit: 200,
    }));
    const network = new Network(machines);
    try {
      const run = (machine: string, command: string): ChildProcess => {
        const home = `${folder}/${machine}`;
        mkdirSync(home, { recursive: true });
        const places = `HOME=${home} XDG_RUNTIME_DIR=${home} XDG_DATA_HOME=${home} DARNER_DATA_DIR=${home}/data`;
        return network.start(`dnt-${machine}`, `cd ${home}; export ${places}; ${command}`, `${folder}/${machine}.log`);
      };
      run(
        "first",
        `exec ${process.execPath} ${root}/test/origin/main.ts --listen 10.78.0.10:9000 --object /a.bin=${sizeBytes}:${seed}`,
      );
      run(
        "first",
        `exec ${root}/bin/darner up --listen 0.0.0.0 --advertise 10.78.0.10 --socket ${folder}/first/d.sock`,
      );
      await until(
        () => log(folder, "first").includes("darner join https://10.78.0.10:8080"),
        "the command for a second machine is printed",
      );
      const get = (machine: string): ChildProcess =>
        run(
          machine,
          `exec ${root}/bin/dfget --linger 3s --socket ${folder}/${machine}/own.sock --explain http://10.78.0.10:9000/a.bin`,
        );
      for (const machine of ["second", "third"]) {
        const invite = `${root}/bin/darner member invite --data-dir ${folder}/first/data`;
        const command = execFileSync("ip", ["netns", "exec", "dnt-first", "sh", "-c", invite], { encoding: "utf8" });
        const [joined] = (await once(run(machine, `exec ${root}/bin/${command.trim()}`), "exit")) as [number];
        assert.equal(joined, 0, log(folder, machine));
        const [status] = (await once(get(machine), "exit")) as [number];
        assert.equal(status, 0, log(folder, machine));
        assert.equal(
          sha256Hex(readFileSync(`${folder}/${machine}/a.bin`)),
          sha256Hex(seededContent(sizeBytes, seed).read(0, sizeBytes)),
        );
        assert.match(log(folder, machine), /peers 20\.0 MB/);
      }
      const stats = execFileSync("ip", ["netns", "exec", "dnt-first", "curl", "-s", "http://10.78.0.10:9000/-/stats"], {
        encoding: "utf8",
      });
      assert.equal((JSON.parse(stats) as { bodyBytes: number }).bodyBytes, sizeBytes, "the origin sent each byte once");
      await until(() => !existsSync(`${folder}/third/own.sock`), "the daemon that dfget started ended by itself");
    } catch (error) {
      for (const machine of ["first", "second", "third"]) process.stderr.write(`${machine}: ${log(folder, machine)}\n`);
      throw error;
    } finally {
      network.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

function log(folder: string, machine: string): string {
  const path = `${folder}/${machine}.log`;
  if (!existsSync(path)) writeFileSync(path, "");
  return readFileSync(path, "utf8");
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
