/** A file sent to a receiver that stops taking anything, with the native port and without. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { nodeDisk } from "./disk.node.ts";
import { absentNative } from "./native.ts";
import { loadNative } from "./native.node.ts";
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
