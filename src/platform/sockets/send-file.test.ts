/** A file sent to a receiver that stops taking anything, with the native port and without; and one that is cold. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { nodeDisk } from "../files/disk.node.ts";
import type { DiskFile } from "../files/disk.ts";
import { absentNative, type Native } from "../native/calls.ts";
import { loadNative } from "../native/calls.node.ts";
import { pumpFile } from "./send-file.node.ts";

const directory = mkdtempSync(join(tmpdir(), "darner-send-"));
after(() => rmSync(directory, { recursive: true }));
const open = { blocked: false, chunkBytesMax: 1 << 20, charge() {}, ready: async () => undefined };
const bytes = 32 * 1024 * 1024;

describe("a receiver that takes nothing any more", () => {
  for (const [name, native] of [
    ["native", loadNative()],
    ["plain", absentNative],
  ] as const) {
    test(`is given up (${name})`, { timeout: 10_000 }, async () => {
      const path = join(directory, name);
      writeFileSync(path, Buffer.alloc(bytes));
      const file = await nodeDisk.open(path, "keep");
      const receivers: Socket[] = [];
      const server = net.createServer({ pauseOnConnect: true }, (socket) =>
        receivers.push(socket.on("error", () => {})),
      );
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const sender = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
      sender.on("error", () => {});
      await new Promise<void>((resolve) => sender.once("connect", resolve));
      await assert.rejects(pumpFile(sender, native, file, 0, bytes, open, 200), { code: "network.broken" });
      assert.ok(sender.destroyed);
      for (const receiver of receivers) receiver.destroy();
      server.close();
      await file.close();
    });
  }
});

describe("a file that is not in memory", () => {
  test("is read through the pool before the loop's own call, a chunk at a time; one that is there is not", async () => {
    for (const cached of [false, true]) {
      const calls: string[] = [];
      const native: Native = {
        ...absentNative,
        available: true,
        isCached: (_, position) => {
          calls.push(`cached? ${position}`);
          return cached;
        },
        sendFile: (_, __, position, count) => {
          calls.push(`send ${position}+${count}`);
          return count;
        },
      };
      const file = {
        name: "cold",
        descriptor: 3,
        read: async (into: Uint8Array, position: number) => {
          // What comes from a disk comes in its own time; the loop goes on meanwhile.
          await new Promise((resolve) => setTimeout(resolve, 20));
          calls.push(`read ${position}+${into.length}`);
          return into.length;
        },
      } as unknown as DiskFile;
      await pumpFile(new net.Socket(), native, file, 1000, 300_000, open);
      const [first, second] = [262_144, 300_000 - 262_144];
      assert.deepEqual(calls, [
        `cached? ${1000 + first - 1}`,
        ...(cached ? [] : [`read 1000+${first}`]),
        `send 1000+${first}`,
        "cached? 300999",
        ...(cached ? [] : [`read ${1000 + first}+${second}`]),
        `send ${1000 + first}+${second}`,
      ]);
    }
  });
});

describe("a run of a file beyond 2^31 and 2^32", () => {
  for (const [name, native] of [
    ["native", loadNative()],
    ["plain", absentNative],
  ] as const) {
    test(`comes from its place (${name})`, { timeout: 10_000 }, async () => {
      const file = await nodeDisk.open(join(directory, `sparse-${name}`), "keep");
      const server = net.createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      for (const edge of [2 ** 31, 2 ** 32, 2 ** 35]) {
        const run = Buffer.from(
          Uint8Array.from({ length: 600_000 }, (_, index) => (index * 7 + edge / 2 ** 31) & 0xff),
        );
        const position = edge - 300_001;
        await file.write(run, position);
        const accepted = once(server, "connection");
        const sender = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
        const [receiver] = (await accepted) as [Socket];
        const received = receiver.toArray() as Promise<Buffer[]>;
        await pumpFile(sender, native, file, position, run.length, open);
        sender.end();
        assert.ok(Buffer.concat(await received).equals(run), `around ${edge}`);
        receiver.destroy();
      }
      server.close();
      await file.close();
    });
  }
});
