/**
 * What lies in a data directory, as the names and sizes of its files tell: the start of a cache, and
 * what `darner store` looks through. Opens no file; what is no version of a task is passed over.
 */

import type { Disk, FileIdentity } from "#platform/files/disk.ts";

/** Looks at the disk under way at a time: enough to keep the pool of threads busy. */
const looksMax = 32;

export interface KeptVersion {
  readonly task: string;
  readonly generation: string;
  /** What its content takes: its length, less where much of it is not there. */
  readonly bytes: number;
  /** When the content last changed. */
  readonly usedAtMs: number;
  /** See heat.ts. */
  readonly heatMs: number;
}

export interface Catalogue {
  readonly versions: readonly KeptVersion[];
  readonly pinned: readonly string[];
  /** Paths of what is no version of a task. */
  readonly strangers: readonly string[];
}

export const tasksFolder = (directory: string): string => `${directory}/tasks`;

export const versionFolder = (directory: string, { task, generation }: Pick<KeptVersion, "task" | "generation">) =>
  `${tasksFolder(directory)}/${task}/${generation}`;

export async function readCatalogue(disk: Disk, directory: string): Promise<Catalogue> {
  const versions: KeptVersion[] = [];
  const pinned: string[] = [];
  const strangers: string[] = [];
  const tasks = await disk.list(tasksFolder(directory));
  await inParallel(tasks, async (task) => {
    const folder = `${tasksFolder(directory)}/${task}`;
    // A file has no names in it.
    const names = await disk.list(folder).catch(() => []);
    if (names.length === 0) strangers.push(folder);
    for (const name of names) {
      if (name === "pinned") pinned.push(task);
      else versions.push(await look(disk, directory, task, name));
    }
  });
  return { versions, pinned, strangers };
}

async function look(disk: Disk, directory: string, task: string, generation: string): Promise<KeptVersion> {
  const folder = versionFolder(directory, { task, generation });
  const [content, journal] = await Promise.all([disk.stat(`${folder}/content`), disk.stat(`${folder}/journal`)]);
  const bytes = content === undefined ? 0 : Math.min(content.sizeBytes, content.spaceBytes);
  return { task, generation, bytes, usedAtMs: modifiedMs(content), heatMs: modifiedMs(journal) };
}

const modifiedMs = (file: FileIdentity | undefined): number => Number((file?.modifiedNs ?? 0n) / 1000n) / 1000;

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(looksMax, items.length) }, worker));
}
