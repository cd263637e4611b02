/** Long bodies, received past node:http: byte-exact in whatever buffers, paced, broken off, stalled, closed. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as net from "node:net";
import { after, describe, test } from "node:test";
import { createNodeHttpClient } from "./client.node.ts";
import type { Flow, HttpBody } from "./client.ts";
import { absentNative } from "../native/calls.ts";
import { loadNative } from "../native/calls.node.ts";

const content = randomBytes(3_000_000);
const noSignal = new AbortController().signal;
const free: Flow = { stepBytesMax: Infinity, passed: () => undefined };

/** Sends `content` up to `cutAt`, in portions, then does what `end` says. */
async function serve(
  portionBytes: number,
  cutAt = content.length,
  end: "close" | "reset" | "stall" | "more" = "close",
) {
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`);
      let at = 0;
      const go = (): void => {
        for (let burst = 0; burst < 4 && at < cutAt; burst++, at += portionBytes)
          socket.write(content.subarray(at, Math.min(at + portionBytes, cutAt)));
        if (at < cutAt) return void setImmediate(go);
        if (end === "close") socket.end();
        if (end === "reset") setTimeout(() => socket.resetAndDestroy(), 50);
      };
      go();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  return new URL(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}/x`);
}

for (const [name, native] of [
  ["with the native port", loadNative()],
  ["without it", absentNative],
] as const) {
  describe(`a long body ${name}`, { skip: name === "with the native port" && !native.available }, () => {
    const [patient, hasty] = [10_000, 400].map((idleTimeoutMs) => {
      const client = createNodeHttpClient({ idleTimeoutMs, loadNative: () => Promise.resolve(native) });
      after(() => client.close());
      return client;
    });
    const open = async (url: URL, client = patient): Promise<HttpBody> =>
      (await client!.get({ url, headers: {}, name: "http://x/x" }, noSignal)).body;

    test("fills buffers of any length in the order in which they were given", async () => {
      for (const portion of [700, 70_000]) {
        const body = await open(await serve(portion));
        const buffers = [1, 99_999, 1_000_000, 17, 400_000, 2_000_000].map((size) => new Uint8Array(size));
        const counts = await Promise.all(buffers.map((into) => body.readInto(into, free)));
        const joined = Buffer.concat(buffers.map((into, index) => into.subarray(0, counts[index])));
        assert.ok(joined.equals(content));
        assert.equal(await body.readInto(new Uint8Array(1), free), 0, "the end stays the end");
      }
    });

    test("waits for a reader that comes late for each buffer, and for a flow that holds it", async () => {
      const body = await open(await serve(70_000));
      const parts: Uint8Array[] = [];
      let held = 0;
      const flow: Flow = {
        stepBytesMax: 100_000,
        passed: (count) => {
          assert.ok(count <= 100_000);
          return ++held % 10 === 0 ? new Promise((resolve) => setTimeout(resolve, 5)) : undefined;
        },
      };
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const into = new Uint8Array(333_333);
        const count = await body.readInto(into, flow);
        parts.push(into.subarray(0, count));
        if (count < into.length) break;
      }
      assert.ok(Buffer.concat(parts).equals(content));
    });

    test("tells of an end that came early, a reset, a stall and a close, each in its own words", async () => {
      const fail = async (url: URL, code: string, act: (body: HttpBody) => void = () => {}): Promise<void> => {
        const body = await open(url, code === "network.timeout" ? hasty : patient);
        const filling = body.readInto(new Uint8Array(content.length), free);
        act(body);
        await assert.rejects(filling, { code });
      };
      await fail(await serve(70_000, 1_000_000), "origin.body-short");
      await fail(await serve(70_000, 1_000_000, "reset"), "network.broken");
      await fail(await serve(70_000, 1_000_000, "stall"), "network.timeout");
      await fail(await serve(70_000, 1_000_000, "stall"), "interrupted", (body) => setTimeout(() => body.close(), 20));
    });
  });
}
