/**
 * The test origin as a command:
 * `node test/origin/main.ts --listen 127.0.0.1:0 --object /data.bin=200MB:7 --rate 200Mbit`
 * prints one JSON line with its URL and serves until SIGTERM or SIGINT. `GET /-/stats` tells its sums.
 */

import { parseArgs } from "node:util";
import { parseBytes, parseRate } from "#base/mod.ts";
import { startTestOrigin, type CertificateKind, type SeededBody } from "./mod.ts";

const { values } = parseArgs({
  options: {
    listen: { type: "string", default: "127.0.0.1:0" },
    object: { type: "string", multiple: true, default: [] },
    rate: { type: "string", default: "unlimited" },
    https: { type: "string" },
  },
});

const colon = values.listen.lastIndexOf(":");
const rateBytesPerSecond = parseRate(values.rate);
if (rateBytesPerSecond === undefined) throw new Error(`cannot read --rate ${values.rate}: it should look like 200Mbit`);

const origin = await startTestOrigin({
  host: values.listen.slice(0, colon).replace(/^\[|\]$/g, ""),
  port: Number(values.listen.slice(colon + 1)),
  rateBytesPerSecond,
  ...(values.https === undefined ? {} : { https: values.https as CertificateKind }),
});
for (const text of values.object) {
  const { path, body } = parseObject(text);
  origin.serve(path, { body });
}
console.log(JSON.stringify({ url: origin.base, caCertificate: origin.caCertificate }));

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void origin.close());

function parseObject(text: string): { path: string; body: SeededBody } {
  const match = /^(\/[^=]*)=([^:]+):(\d+)$/.exec(text);
  const sizeBytes = match === null ? undefined : parseBytes(match[2]!);
  if (match === null || sizeBytes === undefined) {
    throw new Error(`cannot read --object ${text}: it should look like /data.bin=200MB:7`);
  }
  return { path: match[1]!, body: { sizeBytes, seed: Number(match[3]) } };
}
