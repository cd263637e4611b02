/** Real connections over loopback: upgrade, frames both ways, files sent, refusals and ends. Native and plain alike. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import { createConnection, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { acceptUpgrade, createDialler, refuseUpgrade } from "./connection.node.ts";
import type { Connection, Dialled, Gate, ReadSink } from "./connection.ts";
import { nodeDisk } from "../files/disk.node.ts";
import { absentNative, type Native } from "../native/calls.ts";
import { loadNative } from "../native/calls.node.ts";

const directory = mkdtempSync(join(tmpdir(), "darner-connection-"));
after(() => rmSync(directory, { recursive: true }));
const open: Gate = { blocked: false, chunkBytesMax: 1 << 20, charge() {}, ready: async () => undefined };

interface Pair {
  readonly dialled: Dialled;
  readonly accepted: Connection;
  /** What the accepting side received, and why it ended. */
  readonly received: Buffer[];
  readonly ended: Promise<string>[];
  readonly close: () => void;
}

/** Gathers what comes, in buffers of a fixed size. */
class Gathering implements ReadSink {
  readonly parts: Buffer[] = [];
  #waiting: { bytes: number; done: () => void } | undefined;
  readonly #buffer = Buffer.alloc(50_000);

  nextBuffer(): Uint8Array {
    return this.#buffer;
  }

  filled(count: number): void {
    this.parts.push(Buffer.from(this.#buffer.subarray(0, count)));
    if (this.#waiting !== undefined && this.bytes.length >= this.#waiting.bytes) this.#waiting.done();
  }

  lowWaterBytes(): number {
    return 1;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  async atLeast(bytes: number): Promise<Buffer> {
    if (this.bytes.length < bytes) await new Promise<void>((done) => (this.#waiting = { bytes, done }));
    return this.bytes;
  }
}

async function listen(onUpgrade: (socket: Socket, head: Buffer) => void): Promise<{ port: number; close: () => void }> {
  const server = http.createServer();
  server.on("upgrade", (_, socket, head) => onUpgrade(socket as Socket, head));
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

const target = (port: number) => ({
  host: "127.0.0.1",
  port,
  path: "/pieces",
  headers: { "Darner-Host": "h" },
  timeoutMs: 10_000,
});

async function connect(native: Native, sink: ReadSink): Promise<Pair> {
  const received: Buffer[] = [];
  const ends = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const accepted = Promise.withResolvers<Connection>();
  const server = await listen((socket, head) => {
    const handlers = {
      onBytes: (bytes: Uint8Array) => void received.push(Buffer.from(bytes)),
      onClose: ends[1]!.resolve,
    };
    accepted.resolve(acceptUpgrade(socket, head, { "Darner-Nonce": "n" }, handlers, native));
  });
  const dialled = await createDialler(native).dial(target(server.port), { onClose: ends[0]!.resolve }, sink);
  return {
    dialled,
    accepted: await accepted.promise,
    received,
    ended: ends.map((end) => end.promise),
    close: server.close,
  };
}

const fails = (code: string) => (error: unknown) => error instanceof DarnerError && error.code === code;

for (const [name, native] of [
  ["native", loadNative()],
  ["plain", absentNative],
] as const) {
  describe(`connections, ${name}`, () => {
    test("frames and files arrive in the order they were sent, also frames sent while a file is under way", async () => {
      const sink = new Gathering();
      const pair = await connect(native, sink);
      const content = Buffer.alloc(700_001, 0).map((_, index) => (index * 31 + (index >> 8)) & 0xff);
      writeFileSync(join(directory, "content"), content);
      const file = await nodeDisk.open(join(directory, "content"), "read");
      pair.accepted.send(Buffer.from("before "));
      const sending = pair.accepted.sendFile(Buffer.from("head "), file, 1, 700_000, open);
      pair.accepted.send(Buffer.from(" after"));
      await sending;
      const expected = Buffer.concat([Buffer.from("before head "), content.subarray(1), Buffer.from(" after")]);
      assert.ok((await sink.atLeast(expected.length)).equals(expected));
      pair.dialled.connection.send(Buffer.from("up"));
      while (Buffer.concat(pair.received).toString() !== "up") await new Promise((resolve) => setTimeout(resolve, 1));
      assert.equal(pair.dialled.headers["darner-nonce"], "n");
      pair.dialled.connection.close();
      await Promise.all(pair.ended);
      assert.ok(pair.accepted.closed && pair.dialled.connection.closed);
      await file.close();
      pair.close();
    });

    test("a file that is shorter than promised is told, not padded", async () => {
      const pair = await connect(native, new Gathering());
      writeFileSync(join(directory, "short"), Buffer.alloc(1000));
      const file = await nodeDisk.open(join(directory, "short"), "read");
      await assert.rejects(pair.accepted.sendFile(Buffer.from("h"), file, 0, 2000, open), fails("disk.failed"));
      pair.accepted.close();
      await Promise.all(pair.ended);
      await file.close();
      pair.close();
    });

    test("a reader that goes away in the middle of a file is told to the sender", async () => {
      const pair = await connect(native, new Gathering());
      writeFileSync(join(directory, "large"), Buffer.alloc(8_000_000));
      const file = await nodeDisk.open(join(directory, "large"), "read");
      pair.dialled.connection.pause();
      const sending = pair.accepted.sendFile(Buffer.from("h"), file, 0, 8_000_000, open);
      setTimeout(() => pair.dialled.connection.close(), 50);
      await assert.rejects(sending, fails("network.broken"));
      await assert.rejects(pair.accepted.sendFile(Buffer.from("h"), file, 0, 10, open), fails("network.broken"));
      await Promise.all(pair.ended);
      await file.close();
      pair.close();
    });

    test("a paused reader gets nothing, and everything once it goes on", async () => {
      const sink = new Gathering();
      const pair = await connect(native, sink);
      pair.dialled.connection.pause();
      pair.accepted.send(Buffer.alloc(300_000, 7));
      await new Promise((resolve) => setTimeout(resolve, 30));
      const early = sink.bytes.length;
      pair.dialled.connection.resume();
      assert.equal((await sink.atLeast(300_000)).length, 300_000);
      assert.ok(early <= 50_000, `${early} bytes came while paused`);
      pair.accepted.close();
      await Promise.all(pair.ended);
      pair.close();
    });
  });
}

describe("dialling", () => {
  const dialler = createDialler();
  const ignore = { onClose: () => undefined };

  test("nobody listens, nobody knows the name, nobody answers: each has its code, in bounded time", async () => {
    const server = await listen(() => undefined);
    const deaf = { ...target(server.port), timeoutMs: 100 };
    await assert.rejects(dialler.dial(deaf, ignore), fails("network.timeout"));
    server.close();
    await assert.rejects(dialler.dial({ ...target(1), port: 1 }, ignore), fails("network.refused"));
  });

  test("a refusal says what was answered; a hang-up before the answer is a broken connection", async () => {
    const refusing = await listen((socket) => refuseUpgrade(socket, 403, "no such host"));
    await assert.rejects(
      dialler.dial(target(refusing.port), ignore),
      (error) => fails("cluster.refused")(error) && /403 no such host/.test((error as Error).message),
    );
    refusing.close();
    const leaving = await listen((socket) => void socket.destroy());
    await assert.rejects(dialler.dial(target(leaving.port), ignore), fails("network.broken"));
    leaving.close();
    const endless = await listen(
      (socket) => void socket.on("error", () => undefined).end(`HTTP/1.1 101 x\r\nA: ${"a".repeat(40_000)}`),
    );
    await assert.rejects(dialler.dial(target(endless.port), ignore), fails("network.broken"));
    endless.close();
  });

  test("who is refused and slams the door does the refusing process no harm", async () => {
    const refused = Promise.withResolvers<Socket>();
    const server = await listen((socket) => refused.resolve(socket));
    const caller = createConnection(server.port, "127.0.0.1");
    caller.write("GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: darner\r\n\r\n");
    const socket = await refused.promise;
    const gone = new Promise((resolve) => socket.once("close", resolve));
    refuseUpgrade(socket, 403, "no");
    caller.resetAndDestroy();
    await gone;
    server.close();
  });

  test("bytes that come right behind the answer are not lost", async () => {
    const server = await listen((socket) => void socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\nfirst bytes"));
    const sink = new Gathering();
    const { connection } = await dialler.dial(target(server.port), ignore, sink);
    assert.equal((await sink.atLeast(11)).toString(), "first bytes");
    connection.close();
    server.close();
  });
});
