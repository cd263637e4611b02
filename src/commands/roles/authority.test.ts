/** What the config service keeps on its disk beside the authority's key, read again. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog, type Log } from "#platform/telemetry/log.ts";
import { epochShelf, openAuthority } from "./authority.ts";

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

test("a first start that ended in its middle is made anew; a key that is lost later is said", () => {
  const folder = mkdtempSync(join(tmpdir(), "darner-authority-"));
  const [database, keyPath] = [join(folder, "state.db"), join(folder, "authority-key.pem")];
  try {
    openAuthority(folder, database);
    // The disk was full, or the process was killed, when the key was to be written.
    rmSync(keyPath);
    const made = openAuthority(folder, database);
    assert.ok(made.isNew);
    writeFileSync(database, "");
    const { isNew, certificate } = openAuthority(folder, database);
    assert.deepEqual([isNew, certificate], [false, made.certificate]);
    rmSync(keyPath);
    assert.throws(() => openAuthority(folder, database), { code: "store.corrupt", message: /from the same copy/ });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
