/**
 * The store on real file systems: with and without clones, space set aside, holes; and full ones. Images
 * are mounted through loop devices, so this needs root; a file system without its mkfs is skipped.
 */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";
import { bytesEqual, DarnerError, errorTable } from "#base/mod.ts";
import { sha256 } from "#platform/keys/digest.ts";
import type { Disk } from "#platform/files/disk.ts";
import { createNodeDisk } from "#platform/files/disk.node.ts";
import { loadNative } from "#platform/native/calls.node.ts";
import { PieceFile, TaskCache } from "#storage/pieces/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { testDisk } from "../conformance/disk.ts";
import { inCluster } from "../integration/cluster.ts";

const MiB = 2 ** 20;
const pieceBytes = MiB;
const disk: Disk = createNodeDisk(loadNative());
const boot = new Uint8Array(8).fill(3);

interface Traits {
  readonly imageMiB: number;
  readonly clones: boolean;
  readonly setsAside: boolean;
  /** Tells of more room than it has when it is nearly full. */
  readonly vague?: string;
}

const fileSystems: Readonly<Record<string, Traits>> = {
  ext4: { imageMiB: 64, clones: false, setsAside: true },
  ext2: { imageMiB: 64, clones: false, setsAside: false },
  xfs: { imageMiB: 320, clones: true, setsAside: true },
  btrfs: { imageMiB: 160, clones: true, setsAside: true, vague: "small ones tell of more room than they have" },
  tmpfs: { imageMiB: 64, clones: false, setsAside: false },
};

function skipReason(name: string): string | false {
  if (process.getuid?.() !== 0) return "needs root: mounts";
  if (name !== "tmpfs" && spawnSync(`mkfs.${name}`, ["-V"]).error !== undefined) return `needs mkfs.${name}`;
  return false;
}

class Mount {
  readonly path: string;
  readonly #folder = fs.mkdtempSync("/tmp/darner-fs-");

  constructor(name: string, imageMiB: number) {
    this.path = `${this.#folder}/mount`;
    fs.mkdirSync(this.path);
    const run = (command: string, ...parameters: string[]) => execFileSync(command, parameters, { stdio: "pipe" });
    if (name === "tmpfs") {
      run("mount", "-t", "tmpfs", "-o", `size=${imageMiB}m`, "none", this.path);
      return;
    }
    const image = `${this.#folder}/image`;
    fs.writeFileSync(image, "");
    fs.truncateSync(image, imageMiB * MiB);
    run(`mkfs.${name}`, ...(name.startsWith("ext") ? ["-q", "-F"] : ["-q"]), image);
    run("mount", "-o", "loop", image, this.path);
  }

  end(): void {
    execFileSync("umount", ["-l", this.path]);
    fs.rmSync(this.#folder, { recursive: true });
  }
}

const piece = (index: number): Uint8Array => new Uint8Array(pieceBytes).fill(index % 2 === 0 ? index + 1 : 0);

async function openIn(folder: string): Promise<PieceFile> {
  await disk.makeDirectory(folder);
  const content = await disk.open(`${folder}/content`, "keep");
  const journal = await disk.open(`${folder}/journal`, "keep");
  return await PieceFile.open({ content, journal, boot, spaceAhead: true });
}

const begin = (file: PieceFile, pieces: number): Promise<void> =>
  file.begin({ kind: "object", url: "http://o/", generation: "g", pieceBytes, lengthBytes: pieces * pieceBytes });
const put = (file: PieceFile, index: number): Promise<void> => file.put(index, piece(index), sha256(piece(index)));
const isFull = (error: unknown): boolean => error instanceof DarnerError && error.code === "disk.full";

for (const [name, traits] of Object.entries(fileSystems)) {
  describe(name, { skip: skipReason(name) }, () => {
    let mount: Mount;
    let folders = 0;
    const newFolder = async (): Promise<string> => {
      const folder = `${mount.path}/${folders++}`;
      await disk.makeDirectory(folder);
      return folder;
    };
    before(() => void (mount = new Mount(name, traits.imageMiB)));
    after(() => mount.end());
    testDisk(async () => ({ disk, directory: await newFolder() }));

    test("space is set aside where it can be; a piece of zeros takes none", async () => {
      const folder = await newFolder();
      const file = await openIn(folder);
      await begin(file, 16);
      const begun = (await file.content.identity()).spaceBytes;
      assert.ok(traits.setsAside ? begun >= 16 * MiB : begun < MiB, `${begun} bytes are set aside`);
      for (let index = 0; index < 16; index++) await put(file, index);
      await file.finish(16 * MiB, []);
      const { sizeBytes, spaceBytes } = await file.content.identity();
      assert.equal(sizeBytes, 16 * MiB);
      assert.ok(spaceBytes < 9 * MiB, `${spaceBytes} bytes are taken`);
      await file.close();
      const again = await openIn(folder);
      assert.equal(again.have.count, 16);
      const into = new Uint8Array(pieceBytes);
      for (let index = 0; index < 16; index++) {
        await again.read(index, into);
        assert.ok(Buffer.from(into).equals(piece(index)), `piece ${index}`);
      }
      await again.close();
      await disk.removeTree(folder);
    });

    test("a clone is had where there are clones", async () => {
      const folder = await newFolder();
      const source = await disk.open(`${folder}/source`, "create");
      await source.write(new Uint8Array(8 * MiB).fill(5), 0);
      const clone = await disk.open(`${folder}/clone`, "create");
      assert.equal(await clone.cloneFrom(source), traits.clones);
      await source.close();
      await clone.close();
      await disk.removeTree(folder);
    });

    test("too large for the disk: no object begins, and the message says how much there is", async () => {
      const folder = await newFolder();
      const file = await openIn(folder);
      await assert.rejects(begin(file, 400), (error) => isFull(error) && /free some/.test((error as Error).message));
      assert.equal(file.object, undefined);
      await file.close();
      await disk.removeTree(folder);
    });

    const exact = { skip: traits.vague ?? false };
    test("full in mid-piece: told, nothing torn is trusted, and it goes on when there is room", exact, async () => {
      const folder = await newFolder();
      const file = await openIn(folder);
      await file.begin({ kind: "object", url: "http://o/", generation: "g", pieceBytes });
      const filler = fs.openSync(`${mount.path}/filler`, "w");
      const block = Buffer.alloc(65_536, 1);
      // Leaves some two and a half pieces.
      for (; fs.statfsSync(mount.path).bavail * fs.statfsSync(mount.path).bsize > 2.5 * MiB;)
        fs.writeSync(filler, block);
      fs.fsyncSync(filler);
      let stored = 0;
      const failure = await (async () => {
        for (; stored < 64; stored++) await file.put(2 * stored, piece(2 * stored), sha256(piece(2 * stored)));
        return undefined;
      })().catch((error: unknown) => error);
      assert.ok(isFull(failure), String(failure));
      fs.closeSync(filler);
      fs.rmSync(`${mount.path}/filler`);
      await file.put(2 * stored, piece(2 * stored), sha256(piece(2 * stored)));
      await file.close();
      const again = await openIn(folder);
      for (const index of again.have.indices()) assert.ok(bytesEqual(again.digestOf(index)!, sha256(piece(index))));
      assert.ok(again.have.has(2 * stored) && again.have.count >= stored);
      await again.close();
      await disk.removeTree(folder);
    });

    test("a cache promises room once, though nothing of it is written yet", exact, async () => {
      const folder = await newFolder();
      const limits = { quotaBytes: () => 1e12, highWatermark: () => 1, lowWatermark: () => 1, spaceAhead: true };
      const cache = await TaskCache.open({ disk, directory: folder, boot, clock: nodeClock, ...limits });
      const free = await disk.freeBytes(folder);
      const share = Math.floor(free * 0.6);
      const first = await cache.hold("a", "g");
      await cache.reserve("a", "g", share);
      await first.begin({ kind: "object", url: "http://o/", generation: "g", pieceBytes, lengthBytes: share });
      await cache.hold("b", "g");
      await assert.rejects(cache.reserve("b", "g", share), isFull);
      await cache.reserve("b", "g", Math.floor(free * 0.2));
      await cache.release("a", "g");
      await cache.release("b", "g");
      await disk.removeTree(folder);
    });
  });
}

describe("dfget through the daemon", { skip: skipReason("xfs") }, () => {
  const body = { sizeBytes: 24_000_000, seed: 50 };

  test("onto a disk without room: told before a byte comes; a second output of one host shares its space", async () => {
    const mount = new Mount("xfs", 320);
    try {
      await inCluster(async (cluster) => {
        const host = await cluster.daemon("h1", await cluster.manager());
        const large = cluster.serve("/large", { body: { sizeBytes: 400_000_000, seed: 51 }, rateBytesPerSecond: 20e6 });
        const refused = await cluster.dfget(host, large, `${mount.path}/large`, ["--no-back-to-source"]).outcome;
        assert.equal(refused.status, errorTable["disk.full"].exit, refused.stderr);
        assert.match(refused.stderr, /cannot .*free/);

        const url = cluster.serve("/data", { body });
        const used = (): number => {
          execFileSync("sync", ["-f", mount.path]);
          const { blocks, bfree, bsize } = fs.statfsSync(mount.path);
          return (blocks - bfree) * bsize;
        };
        const empty = used();
        for (const name of ["one", "two", "three"]) {
          const outcome = await cluster.dfget(host, url, `${mount.path}/${name}`).outcome;
          assert.equal(outcome.status, 0, outcome.stderr);
        }
        const contents = ["one", "two", "three"].map((name) => fs.readFileSync(`${mount.path}/${name}`));
        assert.ok(contents[0]!.equals(contents[1]!) && contents[0]!.equals(contents[2]!));
        const taken = used() - empty;
        assert.ok(taken < 1.5 * body.sizeBytes, `${taken} bytes for three outputs`);
        fs.writeFileSync(`${mount.path}/one`, "edited");
        assert.ok(fs.readFileSync(`${mount.path}/two`).equals(contents[1]!), "an edit of one is no edit of another");
      });
    } finally {
      mount.end();
    }
  });
});
