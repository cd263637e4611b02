/** dfget alone as a whole command, its start included. */

import { needs } from "../../swarm/needs.ts";
import { root } from "../ground.ts";
import type { Row } from "../row.ts";
import { Series } from "../series.ts";

export const alone: Row = {
  name: "alone",
  help: "time of dfget alone, whole command, beside curl with openssl dgst -sha256 (bar 1 x) and aria2 (1.1 x)",
  needs: [needs.nginx, needs.curl, needs.aria2, needs.openssl],
  async run(ground, { sizeBytes, runs }) {
    ground.serve("a.bin", sizeBytes);
    const nginx = await ground.nginx();
    const url = `http://127.0.0.1:${nginx.port}/a.bin`;
    const series = new Series();
    for (let run = 0; run < runs; run++) {
      const curl = await ground.time(["curl", "-s", "-o", "curl.out", url]);
      const hash = await ground.time(["openssl", "dgst", "-sha256", "curl.out"]);
      ground.remove("curl.out");
      const aria2 = await ground.time(["aria2c", "-q", "--file-allocation=none", "-o", "aria2.out", url]);
      ground.remove("aria2.out");
      const dfget = await ground.time([`${root}/bin/dfget`, "-q", "-O", "dfget.out", url]);
      ground.remove("dfget.out");
      series.add("curlAndOpensslSeconds", curl.seconds + hash.seconds);
      series.add("aria2Seconds", aria2.seconds);
      series.add("dfgetSeconds", dfget.seconds);
      series.add("dfgetCpuSeconds", dfget.cpuSeconds);
    }
    const dfget = series.median("dfgetSeconds");
    return series.result([
      { what: "dfget / (curl + openssl)", value: dfget / series.median("curlAndOpensslSeconds"), most: 1 },
      { what: "dfget / aria2", value: dfget / series.median("aria2Seconds"), most: 1.1 },
    ]);
  },
};
