/**
 * `npm run matrix`: container engines as they are. How fast each pulls through each way in, beside the
 * same engine straight at the same registry behind the same slow line in the same run; and every fault
 * that each meets. One line of JSON for each cell goes to bench/results/image.jsonl, with the machine's
 * facts. It ends with status 1 when a pull ended wrongly.
 *
 *     npm run matrix -- [--only pace,faults] [--client skopeo,docker] [--size-mb 60] [--mbit 200] [--hosts 4]
 */

import { appendFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { readFlags } from "../flags.ts";
import { machineFacts } from "../machine.ts";
import { clientNames, programsOf, type ClientName } from "../../test/images/clients.ts";
import { missing } from "../../test/images/registry.ts";
import { meetExpiry, meetFaults, type FaultCell } from "../../test/images/faults.ts";
import { pace, ways, type PaceCell } from "./pace.ts";

const values = readFlags(import.meta.filename, {
  "only": { type: "string", default: "pace,faults" },
  "client": { type: "string", default: clientNames.join(",") },
  "size-mb": { type: "string", default: "60" },
  "mbit": { type: "string", default: "200" },
  "hosts": { type: "string", default: "4" },
});
const names = clientNames.filter((name) => values.client.split(",").includes(name));
const parts = values.only.split(",");
const machine = machineFacts();
const startedMs = performance.now();
let wrong = 0;

function write(bench: string, row: object): void {
  const load = Number(loadavg()[0]!.toFixed(1));
  const line = JSON.stringify({ bench, load, ...row, machine });
  appendFileSync(join(import.meta.dirname, "../results/image.jsonl"), `${line}\n`);
}

const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

async function measurePace(): Promise<void> {
  const bytes = { sizeBytes: Number(values["size-mb"]) * 1e6, bytesPerSecond: Number(values.mbit) * 125_000 };
  const hosts = Number(values.hosts);
  console.log(`${values["size-mb"]} MB in three layers, ${hosts} hosts, registry behind ${values.mbit} Mbit/s`);
  console.log("each time / the first host's straight: wanted 1.05 for the first, 0.50 for a second\n");
  console.log("client      way      first            second           the others at once       all at once, cold");
  for (const client of names) {
    let direct: PaceCell | undefined;
    for (const way of ways) {
      const cell = await pace({ client, way, hosts, ...bytes }).catch((error: Error) => failed(client, way, error));
      if (cell === undefined) continue;
      if (way === "direct") direct = cell;
      const ratio = (ms: number): number => Number((ms / (direct?.coldMs ?? NaN)).toFixed(2));
      const timed = (ms: number): string => `${inSeconds(ms)} ${ratio(ms).toFixed(2)} x`.padEnd(17);
      const asked = (of: Omit<PaceCell["crowd"] & object, "ms">): string =>
        `${of.copies} copies, ${of.manifestGets} GET ${of.heads} HEAD, blob GETs <= ${of.blobGetsMax}`;
      const crowd = cell.crowd === undefined ? "" : `${inSeconds(cell.crowd.ms)} ${asked(cell.crowd)}`;
      console.log(
        `${client.padEnd(12)}${way.padEnd(9)}${timed(cell.coldMs)}${timed(cell.secondMs)}${inSeconds(cell.laterMs)} ` +
          `${asked(cell)}   ${crowd}`,
      );
      const ratios = { coldRatio: ratio(cell.coldMs), secondRatio: ratio(cell.secondMs) };
      write("image", { ...bytes, ...cell, ...ratios });
    }
  }
}

function failed(client: ClientName, way: string, error: Error): undefined {
  wrong++;
  console.log(`${client.padEnd(12)}${way.padEnd(9)}FAILED: ${error.message.slice(-500)}`);
}

async function measureFaults(): Promise<void> {
  console.log("\nclient      fault                     way        ends with  within    silent at most");
  const onCell = (cell: FaultCell): void => {
    if (cell.ended === "WRONG") wrong++;
    const times = `${inSeconds(cell.ms).padEnd(10)}${inSeconds(cell.silentMs)}`;
    const why = cell.why === undefined ? "" : `   ${cell.why.replaceAll("\n", " ")}`;
    console.log(
      `${cell.client.padEnd(12)}${cell.fault.padEnd(26)}${cell.way.padEnd(11)}${cell.ended.padEnd(11)}${times}${why}`,
    );
    write("image-faults", cell);
  };
  for (const client of names) {
    try {
      await meetFaults(client, onCell);
      onCell(await meetExpiry(client));
    } catch (error) {
      failed(client, "faults", error as Error);
    }
  }
}

const absent = missing("docker-registry", "skopeo", ...names.flatMap((name) => programsOf[name]));
if (absent !== false || process.getuid?.() !== 0) {
  console.error(`npm run matrix: ${absent === false ? "needs root" : absent}`);
  process.exit(1);
}
if (parts.includes("pace")) await measurePace();
if (parts.includes("faults")) await measureFaults();
console.log(`\n${wrong} of these ended wrongly; ${Math.round((performance.now() - startedMs) / 1000)} s in all`);
process.exitCode = wrong === 0 ? 0 : 1;
