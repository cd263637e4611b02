/**
 * Attacks on the HTTP side of a cluster's processes: heads that never end, heads that are too long,
 * bodies that are, connections by the hundred, paths that climb. Others are served meanwhile, and no
 * process ends.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import { after, before, describe, test } from "node:test";
import { Cluster, until, type Role } from "../integration/cluster.ts";

const slowConnections = 150;

interface Raw {
  readonly socket: net.Socket;
  answer: string;
  ended: boolean;
}

function raw(port: number, text: string): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1");
    const state: Raw = { socket, answer: "", ended: false };
    socket.once("connect", () => resolve(state)).once("error", reject);
    socket.on("data", (bytes: Buffer) => (state.answer += bytes.toString("latin1")));
    socket.on("close", () => (state.ended = true));
    socket.on("error", () => undefined);
    socket.write(text);
  });
}

describe("attacks over HTTP", () => {
  let cluster: Cluster;
  let roles: Role[];

  before(async () => {
    cluster = await Cluster.start();
    const manager = await cluster.manager();
    roles = [manager, await cluster.daemon("h1", manager)];
  });
  after(() => cluster.end());

  test("heads that come a byte at a time hold nobody up and are cut", async () => {
    for (const role of roles) {
      const slow = await Promise.all(
        Array.from({ length: slowConnections }, () => raw(role.port, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-")),
      );
      const dripping = setInterval(() => slow.forEach(({ socket }) => socket.write("a")), 500);
      try {
        assert.equal((await role.get("/healthz")).status, 200);
        assert.ok(!slow.some(({ ended }) => ended), "others are served meanwhile");
        await until(() => slow.every(({ ended }) => ended), `${role.name} cuts them`, 30_000);
      } finally {
        clearInterval(dripping);
        for (const { socket } of slow) socket.destroy();
      }
    }
  });

  test("a head that is too long, or of too many fields, is refused", async () => {
    const fields = Array.from({ length: 5_000 }, (_, index) => `X-${index}: y`).join("\r\n");
    for (const role of roles) {
      for (const field of [`X-Long: ${"a".repeat(200_000)}`, fields, `Cookie: ${"b=c; ".repeat(20_000)}`]) {
        const { answer, socket } = await raw(role.port, `GET /metrics HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n`).then(
          async (state) => {
            await until(() => state.ended || state.answer !== "", "it is answered", 10_000);
            return state;
          },
        );
        assert.ok(answer === "" || /^HTTP\/1\.1 4\d\d/.test(answer), answer.slice(0, 80));
        socket.destroy();
      }
      assert.equal((await role.get("/healthz")).status, 200);
    }
  });

  test("requests that contradict themselves are refused", async () => {
    const requests = [
      "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "GET  /metrics  HTTP/9.9\r\n\r\n",
      "\u0000\u0001\u0002\r\n\r\n",
      "POST /v1/settings/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    ];
    for (const role of roles) {
      for (const request of requests) {
        const state = await raw(role.port, request);
        await until(() => state.ended || state.answer !== "", "it is answered", 15_000);
        assert.doesNotMatch(state.answer, /^HTTP\/1\.1 200/, request.slice(0, 60));
        state.socket.destroy();
      }
      assert.equal((await role.get("/healthz")).status, 200);
    }
  });

  test("paths that climb out of the cache touch nothing", async () => {
    const outside = cluster.path("outside");
    fs.mkdirSync(outside);
    const climbs = ["../../outside", "..%2f..%2foutside", "%2e%2e%2f%2e%2e%2foutside", "....//outside", "a%00b", "."];
    for (const role of roles) {
      for (const climb of climbs) {
        for (const method of ["PUT", "DELETE", "GET"]) {
          const state = await raw(
            role.port,
            `${method} /v1/tasks/${climb}/pin HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
          );
          await until(() => state.ended, "it is answered", 10_000);
          assert.doesNotMatch(state.answer, /^HTTP\/1\.1 5\d\d/, `${method} ${climb}: ${state.answer.slice(0, 200)}`);
        }
      }
      assert.equal((await role.get("/healthz")).status, 200);
    }
    assert.deepEqual(fs.readdirSync(outside), []);
    const strays = fs.readdirSync(cluster.folder, { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      strays.filter((name) => name.endsWith("/pinned") || name.includes("..")),
      [],
    );
  });
});
