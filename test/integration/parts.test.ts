/** Parts of a big object, and streams of it: verified bytes in order, without the whole. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import { test } from "node:test";
import { contentOf, type ObjectScript } from "../origin/mod.ts";
import { inCluster, until } from "./cluster.ts";

const megabyte = 1024 * 1024;
const sizeBytes = 200 * megabyte;
const object: ObjectScript = { body: { sizeBytes, seed: 4 }, etag: '"one"' };

function bytesOf(start: number, end: number, script = object): Buffer {
  return Buffer.from(contentOf(script, 1).read(start, end));
}

test("a part comes through a daemon without the rest of the object, and the next part from what is there", async () => {
  await inCluster(async (cluster) => {
    const manager = await cluster.manager();
    const host = await cluster.daemon("h1", manager);
    const url = cluster.serve("/big", object);
    const first = await cluster.dfget(host, url, "-", ["--range", "1000-5000", "-q"]).outcome;
    assert.equal(first.status, 0, first.stderr);
    assert.ok(Buffer.from(first.stdout, "latin1").equals(bytesOf(1000, 5001)));
    const second = await cluster.dfget(host, url, "part", ["--range", "2000-9000000", "-q"]).outcome;
    assert.equal(second.status, 0, second.stderr);
    assert.ok(fs.readFileSync(cluster.path("part")).equals(bytesOf(2000, 9_000_001)));
    const got = await host.metric("darner_limited_bytes", 'limit="download"');
    assert.ok(got < 20 * megabyte, `${got} bytes came to the host for 9 MB of 200`);
  });
});

test("bytes deep in an object are fetched before what lies before them; the origin sends each byte once", async () => {
  await inCluster(
    async (cluster) => {
      const manager = await cluster.manager();
      const host = await cluster.daemon("h1", manager);
      const came = Promise.withResolvers<void>();
      const url = cluster.serve("/big", { ...object, held: { afterBytes: 80 * megabyte, until: came.promise } });
      const start = 190 * megabyte;
      const outcome = await cluster.dfget(host, url, "-", ["--range", `${start}-${start + 99}`, "-q"]).outcome;
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.ok(Buffer.from(outcome.stdout, "latin1").equals(bytesOf(start, start + 100)));
      const sentBytes = cluster.origin.bodyBytes("/big");
      assert.ok(sentBytes < sizeBytes / 2, `it had them when ${sentBytes} had left the origin`);
      came.resolve();
      await until(async () => (await manager.metric("darner_origin_bytes")) >= sizeBytes, "all is fetched", 25_000);
      assert.ok((await manager.metric("darner_origin_bytes")) <= 1.01 * sizeBytes);
    },
    { rateBytesPerSecond: 25e6 },
  );
});

test("a daemon without a cluster asks its origin for the part alone", async () => {
  await inCluster(
    async (cluster) => {
      const host = await cluster.daemon("h1", undefined);
      const url = cluster.serve("/big", object);
      const start = 150 * megabyte;
      const outcome = await cluster.dfget(host, url, "-", ["--range", `${start}-${start + 99}`, "-q"]).outcome;
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.ok(Buffer.from(outcome.stdout, "latin1").equals(bytesOf(start, start + 100)));
      const sentBytes = cluster.origin.bodyBytes("/big");
      assert.ok(sentBytes < sizeBytes / 10, `${sentBytes} left the origin for 100`);
    },
    { rateBytesPerSecond: 10e6 },
  );
});

test("a range outside of the object is refused, by what the manager knows of it", async () => {
  await inCluster(async (cluster) => {
    const manager = await cluster.manager();
    const host = await cluster.daemon("h1", manager);
    const url = cluster.serve("/small", { body: { sizeBytes: 1000, seed: 1 }, etag: '"s"' });
    const outcome = await cluster.dfget(host, url, "-", ["--range", "1000-1001"]).outcome;
    assert.notEqual(outcome.status, 0);
    assert.match(outcome.stderr, /it has 1000/);
  });
});

test("a reader gets the first bytes while the rest is on its way, in order, from a whole swarm", async () => {
  await inCluster(
    async (cluster) => {
      const manager = await cluster.manager();
      const [one, two] = await cluster.daemons(2, manager);
      const came = Promise.withResolvers<void>();
      const held = { afterBytes: 20 * megabyte, until: came.promise };
      const url = cluster.serve("/big", { ...object, body: { sizeBytes: 40 * megabyte, seed: 4 }, held });
      const ahead = cluster.dfget(one, url, "one.out");
      const stream = cluster.dfget(two, url, "-", ["-q"]);
      stream.child.stdout!.once("data", () => came.resolve());
      const [outcome] = await Promise.all([stream.outcome, ahead.outcome]);
      assert.equal(
        outcome.status,
        0,
        `the first byte comes before the second half leaves the origin: ${outcome.stderr}`,
      );
      assert.ok(Buffer.from(outcome.stdout, "latin1").equals(bytesOf(0, 40 * megabyte)));
    },
    { rateBytesPerSecond: 15e6 },
  );
});

test("any HTTP client reads an object, or a part of it, from the daemon's socket", async () => {
  await inCluster(async (cluster) => {
    const manager = await cluster.manager();
    const host = await cluster.daemon("h1", manager);
    const url = cluster.serve("/big", { ...object, headers: { "content-type": "text/x-big" } });
    const path = `/v1/object?url=${encodeURIComponent(url)}`;
    const part = await fetchLocal(host.socketPath, path, { range: "bytes=5000000-5000099" });
    assert.equal(part.status, 206);
    assert.equal(part.headers["content-range"], `bytes 5000000-5000099/${sizeBytes}`);
    assert.equal(part.headers["content-type"], "text/x-big");
    assert.ok(part.body.equals(bytesOf(5_000_000, 5_000_100)));
    const whole = await fetchLocal(host.socketPath, path, {});
    assert.equal(whole.status, 200);
    assert.equal(whole.headers["etag"], '"one"');
    assert.ok(whole.body.equals(bytesOf(0, sizeBytes)));
    const outside = await fetchLocal(host.socketPath, path, { range: `bytes=${sizeBytes}-` });
    assert.equal(outside.status, 416);
  });
});

function fetchLocal(
  socketPath: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
