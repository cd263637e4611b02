/** Answers in each of their forms, cut anywhere, over a real socket of this machine. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { HttpAnswer } from "./answer.node.ts";

let count = 0;

/** The answer whose parts arrive one by one, then the end. */
async function answerOf(parts: readonly (Uint8Array | string)[]): Promise<{ status: number; body: Buffer }> {
  const path = `${tmpdir()}/darner-answer-${process.pid}-${count++}.sock`;
  const send = async (socket: net.Socket): Promise<void> => {
    for (const part of parts) {
      socket.write(part);
      await turn();
    }
    socket.end();
  };
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    void send(socket);
  });
  await once(server.listen(path), "listening");
  const socket = net.connect(path);
  try {
    const answer = await HttpAnswer.read(socket);
    const chunks: Uint8Array[] = [];
    for await (const bytes of answer.body()) chunks.push(bytes);
    return { status: answer.status, body: Buffer.concat(chunks) };
  } finally {
    socket.destroy();
    server.close();
  }
}

const head = "HTTP/1.1 200 OK\r\nDate: x\r\n";
const chunked = (body: Uint8Array, sizes: readonly number[]): Buffer => {
  const parts: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const bytes = body.subarray(at, at + sizes[turn % sizes.length]!);
    parts.push(Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n"));
    at += bytes.length;
  }
  return Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`), ...parts, Buffer.from("0\r\n\r\n")]);
};
const cut = (bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] => {
  const parts: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; at += sizes[turn++ % sizes.length]!)
    parts.push(bytes.subarray(at, at + sizes[turn % sizes.length]!));
  return parts;
};

describe("an answer of our own server", () => {
  test("property: any body in any form, cut anywhere, comes out as it went in", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1500 }), sizes, sizes, async (body, chunks, cuts) => {
        const told = Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
        const open = Buffer.concat([Buffer.from(`${head}\r\n`), body]);
        for (const form of [chunked(body, chunks), told, open]) {
          const { status, body: came } = await answerOf(cut(form, cuts));
          assert.equal(status, 200);
          assert.deepEqual(came, Buffer.from(body));
        }
      }),
      { numRuns: 30 },
    );
  });

  test("what is cut short, too long or no answer is an error", async () => {
    const bad = [
      "",
      "HTTP/1.1 200 OK\r\n",
      "SSH-2.0\r\n\r\n",
      `${head}Content-Length: 5\r\n\r\n1234`,
      `${head}Content-Length: -5\r\n\r\n1234`,
      `${head}Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\n3\r\n1234\r\n0\r\n\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `${head}X: ${"y".repeat(20_000)}\r\n\r\n`,
    ];
    for (const text of bad) await assert.rejects(answerOf([text]), Error, text.slice(0, 60));
  });
});
