/**
 * `npm run bench:alone -- [--mbit 200,1000] [--runs 3]`: one host and an nginx on links of the same
 * rate; the whole command of curl, aria2 and dfget alone, in turn, four seconds of bytes each. Needs
 * root, nginx and aria2. Prints medians and appends each to bench/results/alone.jsonl.
 */

import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFlags } from "../flags.ts";
import { machineFacts, median } from "../machine.ts";
import { Network } from "../swarm/network.ts";

const values = readFlags(import.meta.filename, {
  mbit: { type: "string", default: "200,1000" },
  runs: { type: "string", default: "3" },
});
const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const origin = { name: "dna-origin", address: "10.78.0.2" };
const host = { name: "dna-host", address: "10.78.1.10" };
const url = `http://${origin.address}/a.bin`;
const secondsOfBytes = 4;
const commands = {
  curl: `curl -s -o out.bin ${url}`,
  aria2: `aria2c -q --file-allocation=none -o out.bin ${url}`,
  dfget: `DARNER_SOCKET=$PWD/none ${root}/bin/dfget -q -O out.bin ${url}`,
};

async function measure(mbit: number, folder: string): Promise<void> {
  const sizeBytes = mbit * 125_000 * secondsOfBytes;
  writeFileSync(`${folder}/a.bin`, randomFillSync(Buffer.alloc(sizeBytes)));
  writeFileSync(
    `${folder}/nginx.conf`,
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error; events {} http { access_log off; sendfile on; server { listen ${origin.address}:80; root ${folder}; } }`,
  );
  const network = new Network([origin, host].map((machine) => ({ ...machine, mbit })));
  try {
    network.start(origin.name, `chmod -R a+rX ${folder}; exec nginx -c ${folder}/nginx.conf`, `${folder}/log`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    for (const [name, command] of Object.entries(commands)) {
      const seconds: number[] = [];
      for (let run = 0; run < Number(values.runs); run++) {
        const startMs = performance.now();
        const child = network.start(host.name, `cd ${folder}; rm -f out.bin; ${command}`, `${folder}/log`);
        const [status] = (await once(child, "exit")) as [number];
        if (status !== 0) throw new Error(`${name} ended with status ${status}`);
        seconds.push((performance.now() - startMs) / 1000);
      }
      process.stdout.write(`${mbit} Mbit/s, ${sizeBytes / 1e6} MB, ${name}: ${median(seconds).toFixed(2)} s\n`);
      const result = { bench: "alone", mbit, sizeBytes, contender: name, seconds, machine: machineFacts() };
      appendFileSync(`${root}/bench/results/alone.jsonl`, `${JSON.stringify(result)}\n`);
    }
  } finally {
    network.close();
  }
}

for (const mbit of values.mbit.split(",").map(Number)) {
  const folder = mkdtempSync("/tmp/bench-alone-");
  try {
    await measure(mbit, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
