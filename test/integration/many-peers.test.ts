/** Bad luck with many peers: thousands of connections, and readers that ask and never read. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import { after, before, describe, test } from "node:test";
import { encodeFrame, encodeIndices, encodeJsonFrame, frameType } from "#core/protocol/mod.ts";
import { Cluster, until, type Role } from "./cluster.ts";

const sizeBytes = 40 * 1024 * 1024;
const untrusted = ["--trust", "off"];

describe("a host that holds an object", () => {
  let cluster: Cluster;
  let manager: Role;
  let holder: Role;
  let url: string;
  let names: { task: string; generation: string };
  const sockets: net.Socket[] = [];

  before(async () => {
    cluster = await Cluster.start();
    manager = await cluster.manager("manager", [...untrusted, "--piece-bytes", "4194304"]);
    holder = await cluster.daemon("holder", manager, untrusted);
    url = cluster.serve("/big", { body: { sizeBytes, seed: 3 }, etag: '"one"' });
    cluster.assertIntact(await cluster.dfget(holder, url, "held").outcome, "held", "/big");
    const { text } = await manager.get("/v1/tasks");
    [names] = (JSON.parse(text) as { tasks: [typeof names] }).tasks;
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await cluster.end();
  });

  /** A child's connection with the task open; it reads nothing beyond the answer to its upgrade. */
  async function peer(number: number): Promise<net.Socket> {
    const socket = net.connect(holder.port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.write(
      `GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: darner\r\nDarner-Version: 1.0\r\nDarner-Host: p${number}\r\n\r\n`,
    );
    await once(socket, "readable");
    socket.read();
    socket.write(encodeJsonFrame(frameType.open, 1, names));
    return socket;
  }

  async function answersSoon(role: Role): Promise<void> {
    const startedMs = performance.now();
    assert.equal((await role.get("/readyz")).status, 200);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 1000, `the host answered after ${tookMs} ms`);
  }

  test("gives it to one more beside sixty readers that ask for all of it and never read", async () => {
    const pieces = Array.from({ length: 8 }, (_, index) => index);
    for (let number = 0; number < 60; number++)
      (await peer(number)).write(encodeFrame(frameType.want, 1, 0, encodeIndices(pieces)));
    const reader = await peer(1000);
    let came = 0;
    reader.on("data", (bytes: Buffer) => (came += bytes.length));
    reader.write(encodeFrame(frameType.want, 1, 0, encodeIndices([9])));
    await until(() => came > 4 * 1024 * 1024, "the one that reads gets its piece", 20_000);
    await answersSoon(holder);
    for (const socket of sockets.splice(0)) socket.destroy();
    await until(async () => (await holder.metric("darner_upload_connections")) === 0, "nobody is left");
    assert.equal(await holder.metric("darner_uploads_active"), 0);
  });

  test("bears two thousand connections, and serves a host beside them", async () => {
    for (let number = 0; number < 2000; number += 100)
      await Promise.all(Array.from({ length: 100 }, (_, index) => peer(number + index)));
    await until(async () => (await holder.metric("darner_upload_connections")) === 2000, "all are counted");
    await answersSoon(holder);
    const other = await cluster.daemon("other", manager, untrusted);
    cluster.assertIntact(await cluster.dfget(other, url, "other.out").outcome, "other.out", "/big");
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${holder.pid}/status`, "utf8"))?.[1]) * 1024;
    assert.ok(resident < 300e6, `${resident} bytes of memory for 2000 connections`);
    for (const socket of sockets.splice(0)) socket.destroy();
    await until(async () => (await holder.metric("darner_upload_connections")) <= 1, "they are gone");
  });
});

describe("a cluster without the native port", () => {
  test("gives an object from the origin to two hosts, as files and as a stream", async () => {
    const cluster = await Cluster.start();
    try {
      cluster.environment = { DARNER_NATIVE: "off" };
      const manager = await cluster.manager();
      const [one, two] = await cluster.daemons(2, manager);
      assert.equal(one!.entries("role.started")[0]!["native"], false);
      const url = cluster.serve("/x", { body: { sizeBytes: 5_000_000, seed: 5 }, etag: '"x"' });
      const outcomes = await cluster.toAll([one!, two!], url);
      for (const [index, outcome] of outcomes.entries()) cluster.assertIntact(outcome, `h${index + 1}.out`, "/x");
      const stream = await cluster.dfget(two, url, "-", ["-q"]).outcome;
      assert.equal(stream.stdout.length, 5_000_000);
      assert.ok(cluster.origin.bodyBytes("/x") <= 5_000_000);
    } finally {
      await cluster.end();
    }
  });
});
