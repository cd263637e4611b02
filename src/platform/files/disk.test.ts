/** The real disk and its simulated twin, held to the same promises; then what only one of them has. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import { testDisk } from "../../../test/conformance/disk.ts";
import { createNodeDisk, nodeDisk } from "./disk.node.ts";
import { SimDisk } from "./disk.sim.ts";
import { loadNative } from "../native/calls.node.ts";

const made: string[] = [];
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "darner-disk-"));
  made.push(directory);
  return directory;
}
after(() => made.forEach((directory) => rmSync(directory, { recursive: true })));

describe("the real disk with native calls", () => {
  testDisk(async () => ({ disk: createNodeDisk(loadNative()), directory: newDirectory() }));
});

describe("the real disk", () => {
  testDisk(async () => ({ disk: nodeDisk, directory: newDirectory() }));

  test("follows no link in the last part of a path", async () => {
    const directory = newDirectory();
    symlinkSync("/etc/hostname", join(directory, "link"));
    for (const mode of ["read", "update", "keep"] as const) {
      await assert.rejects(
        nodeDisk.open(join(directory, "link"), mode),
        (error) => error instanceof DarnerError && /symbolic link/.test(error.message),
      );
    }
  });
});

describe("the disk in memory", () => {
  const fresh = async (): Promise<{ disk: SimDisk; directory: string }> => {
    const disk = new SimDisk();
    await disk.makeDirectory("/data");
    return { disk, directory: "/data" };
  };
  testDisk(fresh);

  test("shows what a machine finds that saw only some of the changes", async () => {
    const { disk } = await fresh();
    const file = await disk.open("/data/a", "create");
    await file.write(new TextEncoder().encode("first"), 0);
    await file.write(new TextEncoder().encode("SECOND"), 2);
    const text = (stopped: SimDisk): string =>
      new TextDecoder().decode(stopped.bytesOf("/data/a") ?? new Uint8Array(0));
    const { changes } = disk;
    const [directory, create, first] = changes;
    assert.equal(text(disk.replay(changes)), "fiSECOND");
    assert.equal(text(disk.replay([directory!, create!, first!])), "first");
    assert.equal(text(disk.replay([directory!, create!, changes[3]!])), "\0\0SECOND");
    assert.equal(disk.replay([directory!, first!]).bytesOf("/data/a"), undefined, "no file, nothing in it");
    assert.equal(text(disk), "fiSECOND");
  });

  test("fills up, and fails when it is told to", async () => {
    let failing = false;
    const disk = new SimDisk({
      capacityBytes: 10,
      before: () => {
        if (failing) throw new DarnerError("disk.failed", "cannot read it: broken");
      },
    });
    const file = await disk.open("/a", "create");
    await file.write(new Uint8Array(8), 0);
    assert.equal(await disk.freeBytes("/"), 2);
    await assert.rejects(file.write(new Uint8Array(3), 8), /no space left/);
    await file.write(new Uint8Array(8), 2);
    failing = true;
    await assert.rejects(file.read(new Uint8Array(1), 0), /broken/);
  });
});
