/** What the config service keeps on its disk beside the authority's key, read again. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog, type Log } from "#platform/telemetry/log.ts";
import { epochShelf } from "./authority.ts";

test("epochs are read as they were kept; a file that lacks anything is none, and the log says so", () => {
  const folder = mkdtempSync(join(tmpdir(), "darner-epochs-"));
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (event) => void warned.push(event) };
  try {
    const shelf = epochShelf(folder, log);
    assert.deepEqual(shelf.read(), []);
    const epochs = [{ number: 7, secret: Buffer.alloc(32, 7).toString("base64"), beganAtMs: 1000 }];
    shelf.write(epochs);
    assert.deepEqual(shelf.read(), epochs);
    assert.deepEqual(warned, []);
    const [{ number, secret }] = epochs as [(typeof epochs)[number]];
    for (const text of [JSON.stringify([{ number, secret }]), JSON.stringify(epochs).slice(0, -1), "{}"]) {
      writeFileSync(join(folder, "seal-epochs.json"), text);
      assert.deepEqual(shelf.read(), [], text);
      assert.equal(warned.pop(), "seal-epochs.unreadable", text);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
