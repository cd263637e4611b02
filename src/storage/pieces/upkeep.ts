/**
 * What an operator does with a data directory that no process uses: check every byte of it, and remove
 * what is of no use or too much. `dryRun` changes nothing and finds the same.
 */

import type { Disk, DiskFile } from "#platform/files/disk.ts";
import { readCatalogue, tasksFolder, versionFolder, type KeptVersion } from "./catalogue.ts";
import { worthOf } from "./heat.ts";
import { decodeJournal } from "./journal.ts";
import { MemoryPair } from "./memory-pair.ts";
import { PieceFile } from "./piece-file.ts";
import { smallStorePath, type SmallStore, type VersionName } from "./small-store.ts";

export interface Store {
  readonly disk: Disk;
  /** The data directory. */
  readonly directory: string;
  readonly boot: Uint8Array;
  readonly dryRun: boolean;
  /** Small versions that are kept together, where there are some. */
  readonly small?: SmallStore | undefined;
}

export interface VerifiedVersion extends KeptVersion {
  readonly url: string | undefined;
  readonly isWhole: boolean;
  readonly pieces: number;
  /** Pieces that are not what was stored, and were dropped; undefined when its files cannot be opened. */
  readonly spoiled: number | undefined;
}

/** Hashes every piece that a journal tells of, one version after the other. */
export async function* verifyStore(store: Store): AsyncGenerator<VerifiedVersion> {
  const { disk, directory, boot } = store;
  const { versions } = await readCatalogue(disk, directory);
  for (const version of versions) {
    const folder = versionFolder(directory, version);
    const file = await openPair(store, folder, (content, journal) =>
      PieceFile.open({ content, journal, boot, hashAll: true }),
    );
    const { object, end, have, spoiled } = file ?? {};
    const pieces = have?.count ?? 0;
    yield { ...version, url: object?.url, isWhole: end !== undefined, pieces, spoiled: spoiled?.length };
    await file?.close();
  }
  for (const version of store.small?.list() ?? []) yield await verifySmall(store, version);
}

/** What is spoiled of it is all of it. */
async function verifySmall({ boot, dryRun, small }: Store, version: KeptVersion): Promise<VerifiedVersion> {
  const pair = new MemoryPair({
    name: version.task,
    stored: small?.read(version),
    openFiles: () => Promise.reject(new Error("what is verified does not grow")),
    onChange: () => undefined,
  });
  const { object, end, have, spoiled } = await PieceFile.open({
    content: pair.content,
    journal: pair.journal,
    boot,
    hashAll: true,
  });
  const isIntact = object !== undefined && end !== undefined && spoiled.length === 0;
  if (!isIntact && !dryRun) small?.remove(version);
  return { ...version, url: object?.url, isWhole: isIntact, pieces: have.count, spoiled: isIntact ? 0 : 1 };
}

export interface Removal {
  readonly path: string;
  readonly bytes: number;
  readonly why: "no version of a task" | "holds no piece" | "a newer version is here" | "above the quota";
  /** It is no folder but a small version, which is kept with others. */
  readonly row?: VersionName;
}

export interface Limits {
  /** Nothing is evicted up to this. */
  readonly highBytes: number;
  /** What is evicted down to. */
  readonly lowBytes: number;
}

/** Removes, or would remove, what no start would use, and of the rest what is worth least until it fits. */
export async function collectGarbage(store: Store, limits: Limits): Promise<readonly Removal[]> {
  const removals = await planRemovals(store, limits);
  if (store.dryRun) return removals;
  const { disk, directory, small } = store;
  for (const { path, row } of removals) await (row === undefined ? disk.removeTree(path) : small?.remove(row));
  for (const task of await disk.list(tasksFolder(directory))) {
    const folder = `${tasksFolder(directory)}/${task}`;
    if ((await disk.list(folder).catch(() => [task])).length === 0) await disk.removeTree(folder);
  }
  return removals;
}

async function planRemovals({ disk, directory, small }: Store, limits: Limits): Promise<Removal[]> {
  const { versions: folders, pinned, strangers } = await readCatalogue(disk, directory);
  const rows = new Set(small?.list());
  const removals: Removal[] = strangers.map((path) => ({ path, bytes: 0, why: "no version of a task" }));
  const remove = (version: KeptVersion, why: Removal["why"]): void => {
    const { task, generation, bytes } = version;
    if (!rows.has(version)) return void removals.push({ path: versionFolder(directory, version), bytes, why });
    const path = `${smallStorePath(directory)}/${task}/${generation}`;
    removals.push({ path, bytes, why, row: { task, generation } });
  };
  const newest = new Map<string, KeptVersion>();
  for (const version of [...folders, ...rows]) {
    if (!rows.has(version) && !(await holdsPieces(disk, versionFolder(directory, version)))) {
      remove(version, "holds no piece");
      continue;
    }
    const other = newest.get(version.task);
    const isNewer = other === undefined || version.usedAtMs >= other.usedAtMs;
    if (other !== undefined) remove(isNewer ? other : version, "a newer version is here");
    if (isNewer) newest.set(version.task, version);
  }
  const used = [...newest.values()];
  let usedBytes = used.reduce((sum, { bytes }) => sum + bytes, 0);
  if (usedBytes <= limits.highBytes) return removals;
  const isPinned = new Set(pinned);
  used.sort((a, b) => worthOf(a.heatMs, a.bytes) - worthOf(b.heatMs, b.bytes));
  for (const version of used) {
    if (usedBytes <= limits.lowBytes) break;
    if (isPinned.has(version.task)) continue;
    remove(version, "above the quota");
    usedBytes -= version.bytes;
  }
  return removals;
}

/** As its journal tells; an object without bytes needs none. */
async function holdsPieces(disk: Disk, folder: string): Promise<boolean> {
  const journal = await disk.open(`${folder}/journal`, "read").catch(() => undefined);
  if (journal === undefined) return false;
  try {
    const bytes = new Uint8Array((await journal.identity()).sizeBytes);
    const count = await journal.read(bytes, 0);
    const { records } = decodeJournal(bytes.subarray(0, count));
    return records.some(({ kind }) => kind === "pieces" || kind === "end");
  } catch {
    return false;
  } finally {
    await journal.close();
  }
}

/** Both files of a version, or undefined when they are not both there. */
async function openPair<Opened>(
  { disk, dryRun }: Store,
  folder: string,
  open: (content: DiskFile, journal: DiskFile) => Promise<Opened>,
): Promise<Opened | undefined> {
  const mode = dryRun ? "read" : "update";
  const files: DiskFile[] = [];
  try {
    for (const name of ["content", "journal"]) {
      const file = await disk.open(`${folder}/${name}`, mode);
      files.push(dryRun ? unwritten(file) : file);
    }
    return await open(files[0]!, files[1]!);
  } catch {
    for (const file of files) await file.close();
    return undefined;
  }
}

/** The file as it is; whatever is written to it is forgotten. */
function unwritten(file: DiskFile): DiskFile {
  return {
    name: file.name,
    descriptor: file.descriptor,
    read: (into, position) => file.read(into, position),
    write: () => Promise.resolve(),
    truncate: () => Promise.resolve(),
    allocate: () => Promise.resolve(),
    clear: () => Promise.resolve(),
    cloneFrom: () => Promise.resolve(false),
    identity: () => file.identity(),
    close: () => file.close(),
  };
}
