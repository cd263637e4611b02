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

describe("a file of which not all is in memory", () => {
  const chunk = 262_144;

  /** What pumpFile asks of the system for 600,000 bytes from byte 1000, chunks of this file being cached or not. */
  async function calls(cached: readonly boolean[]): Promise<string[]> {
    const made: string[] = [];
    const chunkAt = (position: number): number => Math.floor((position - 1000) / chunk);
    const native: Native = {
      ...absentNative,
      available: true,
      isCached: (_, position) => cached[chunkAt(position)]!,
      sendFile: (_, __, position, count) => {
        made.push(`send ${position}+${count}`);
        return count;
      },
    };
    const file = {
      name: "cold",
      descriptor: 3,
      read: async (into: Uint8Array, position: number) => {
        // What comes from a disk comes in its own time; the loop goes on meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 20));
        made.push(`read ${position}+${into.length}`);
        return into.length;
      },
    } as unknown as DiskFile;
    await pumpFile(new net.Socket(), native, file, 1000, 600_000, open);
    return made;
  }

  test("what is there goes in one call; what is not is read through the pool before the loop's own call, a chunk at a time", async () => {
    const [second, third, rest] = [1000 + chunk, 1000 + 2 * chunk, 600_000 - 2 * chunk];
    assert.deepEqual(await calls([true, true, true]), ["send 1000+600000"]);
    assert.deepEqual(await calls([true, false, true]), [
      `send 1000+${chunk}`,
      `read ${second}+${chunk}`,
      `send ${second}+${chunk}`,
      `send ${third}+${rest}`,
    ]);
    assert.deepEqual(await calls([false, false, false]), [
      `read 1000+${chunk}`,
      `send 1000+${chunk}`,
      `read ${second}+${chunk}`,
      `send ${second}+${chunk}`,
      `read ${third}+${rest}`,
      `send ${third}+${rest}`,
    ]);
  });
});

test("a socket that took less than offered is offered no more until it has room", async () => {
  const made: string[] = [];
  const room = [100_000, 500_000];
  const native: Native = {
    ...absentNative,
    available: true,
    isCached: () => true,
    sendFile: (_, __, position, count) => {
      const sent = Math.min(count, room.shift()!);
      made.push(`send ${sent} from ${position}`);
      return sent;
    },
    readCached: (_, position, count) => {
      made.push(`slice ${count} from ${position}`);
      return new Uint8Array(count);
    },
  };
  const socket = new net.Socket();
  socket.write = (_bytes: unknown, done?: unknown) => {
    setImmediate(done as () => void);
    return true;
  };
  await pumpFile(socket, native, { name: "file", descriptor: 3 } as DiskFile, 0, 500_000, open);
  assert.deepEqual(made, ["send 100000 from 0", "slice 4096 from 100000", "send 395904 from 104096"]);
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
