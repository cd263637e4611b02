/**
 * `npm run bench:image`: what one proxy answers, and what big layers cost. Each row is a line of JSON in
 * bench/results/image.jsonl, with the machine's facts.
 *
 *     npm run bench:image -- [--only manifest-rate,tag-crowd,big-script,big-engines]
 *         [--seconds 3] [--script-gb 30] [--engine-gb 3] [--engine containerd,skopeo] [--folder /var/tmp]
 */

import { appendFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { readFlags } from "../flags.ts";
import { machineFacts } from "../machine.ts";
import { clientNames, programsOf, type ClientName } from "../../test/images/clients.ts";
import { missing } from "../../test/images/registry.ts";
import { bigLayer } from "./big-layer.ts";
import { manifestRate } from "./manifest-rate.ts";
import { tagCrowd } from "./tag-crowd.ts";

const values = readFlags(import.meta.filename, {
  "only": { type: "string" },
  "seconds": { type: "string", default: "3" },
  "script-gb": { type: "string", default: "30" },
  "engine-gb": { type: "string", default: "3" },
  "engine": { type: "string", default: clientNames.join(",") },
  "folder": { type: "string", default: "/var/tmp" },
});
const engines = values.engine.split(",") as ClientName[];

/** Each writes one line or several, as soon as it has one. */
const rows: Readonly<Record<string, (write: (row: object) => void) => Promise<void>>> = {
  "manifest-rate": async (write) => write(await manifestRate(Number(values.seconds))),
  "tag-crowd": async (write) => write(await tagCrowd()),
  "big-script": async (write) => write(await bigLayer("script", Number(values["script-gb"]) * 1e9)),
  "big-engines": async (write) => {
    for (const engine of engines) {
      const absent = missing(...programsOf[engine]);
      if (absent === false) write(await bigLayer(engine, Number(values["engine-gb"]) * 1e9));
      else console.log(`big-engines: ${engine} ${absent}`);
    }
  },
};

const names = values.only?.split(",") ?? Object.keys(rows);
const absent = missing("docker-registry", "skopeo");
const unknown = names.filter((name) => rows[name] === undefined);
if (absent !== false || unknown.length > 0) {
  console.error(`npm run bench:image: ${absent === false ? `no row ${unknown.join(", ")}` : absent}`);
  process.exit(1);
}
// Engines unpack a layer several times; memory is not the place for that.
process.env["TMPDIR"] = values.folder;
const resultsFile = join(import.meta.dirname, "../results/image.jsonl");
const machine = machineFacts();
for (const name of names) {
  await rows[name]!((row) => {
    const load = Number(loadavg()[0]!.toFixed(1));
    console.log(`${name.padEnd(14)} ${JSON.stringify(row)}`);
    appendFileSync(resultsFile, `${JSON.stringify({ bench: name, load, ...row, machine })}\n`);
  });
}
