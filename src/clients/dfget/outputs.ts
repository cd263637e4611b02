/**
 * Where an object goes. A file is written beside its final name, as two hidden files that a later run
 * goes on from, and gets the name only when it is whole and proved; a pipe or a device gets the bytes
 * in order.
 */

import { DarnerError } from "#base/mod.ts";
import type { DiskFile } from "#platform/files/disk.ts";
import type { OutputFiles, OutputLook } from "#platform/files/output-files.ts";
import { partialPaths } from "./output-name.ts";
import type { Wanted } from "./wanted.ts";

export type OutputPlan =
  | { readonly kind: "stream" }
  | { readonly kind: "file"; readonly replaced: OutputLook }
  /** A regular file is there already. */
  | { readonly kind: "present"; readonly sizeBytes: number; readonly finishedJustNow: boolean };

/** Throws `output.not-writable`. */
export async function planOutput(files: OutputFiles, wanted: Wanted): Promise<OutputPlan> {
  const { output, replaces } = wanted;
  if (output === "-") return { kind: "stream" };
  const found = await files.look(output);
  if (found.kind === "stream") return { kind: "stream" };
  if (found.kind === "directory") {
    const next = "name a file with -O, or save under it with -P";
    throw new DarnerError("output.not-writable", `cannot write ${output}: it is a directory; ${next}`);
  }
  if (found.kind === "missing") return { kind: "file", replaced: found };
  // What -O replaces may be another object's.
  if (found.kind === "file" && (await endedBeforeCleanup(files, output, found)) && !replaces) {
    return { kind: "present", sizeBytes: found.sizeBytes, finishedJustNow: true };
  }
  if (replaces) return { kind: "file", replaced: found };
  if (found.kind === "link") {
    throw new DarnerError(
      "output.exists",
      `cannot write ${output}: it is a symbolic link, which is not followed; ${nextStep(output)}`,
    );
  }
  return { kind: "present", sizeBytes: found.sizeBytes, finishedJustNow: false };
}

/** A run that was killed between the final name and the removal of the partial one: the file is whole. */
async function endedBeforeCleanup(files: OutputFiles, output: string, found: OutputLook): Promise<boolean> {
  const { part, journal } = partialPaths(output);
  const partial = await files.look(part);
  if (partial.identity !== found.identity) return false;
  await files.remove(part);
  await files.remove(journal);
  return true;
}

export function outputExists(output: string): DarnerError {
  return new DarnerError("output.exists", `cannot write ${output}: it exists; ${nextStep(output)}`);
}

function nextStep(output: string): string {
  return `-nc keeps it, -c checks it, -O ${output} replaces it`;
}

/** The two hidden files of one output, open and locked. */
export class PartialOutput {
  readonly content: DiskFile;
  readonly journal: DiskFile;
  readonly #files: OutputFiles;
  readonly #output: string;
  readonly #lock: { release(): void };

  private constructor(
    files: OutputFiles,
    output: string,
    parts: Pick<PartialOutput, "content" | "journal">,
    lock: { release(): void },
  ) {
    this.#files = files;
    this.#output = output;
    this.content = parts.content;
    this.journal = parts.journal;
    this.#lock = lock;
  }

  /** Throws `output.not-writable` when they cannot be made, are not ours, or another dfget has them. */
  static async open(files: OutputFiles, output: string): Promise<PartialOutput> {
    const paths = partialPaths(output);
    const content = await files.openPart(paths.part, 0o666);
    try {
      const lock = await files.lock(content);
      // The journal has the URL, whose query may be a signature.
      const journal = await files.openPart(paths.journal, 0o600);
      return new PartialOutput(files, output, { content, journal }, lock);
    } catch (error) {
      await content.close();
      throw error;
    }
  }

  /** Throws `disk.full` when so many more bytes cannot fit. */
  async assertRoom(bytes: number): Promise<void> {
    const free = await this.#files.freeBytes(this.#output);
    if (bytes <= free) return;
    throw new DarnerError(
      "disk.full",
      `cannot write ${this.#output}: it needs ${bytes} bytes more, ${free} are free; free some, or choose another place`,
    );
  }

  /** The content is whole and proved: it gets its name, its time, and the permissions of what it replaces. */
  async publish(wanted: Wanted, replaced: OutputLook, modifiedMs: number | undefined): Promise<void> {
    const paths = partialPaths(this.#output);
    if (modifiedMs !== undefined) await this.#files.setModified(this.content, modifiedMs);
    if (replaced.kind === "file") await this.#files.setPermissions(this.content, replaced.permissions);
    await this.#files.publish(this.content, paths.part, this.#output, wanted.replaces);
    await this.#files.remove(paths.journal);
  }

  /** A later run would have to start from the first byte anyway. */
  async holdsNothing(): Promise<boolean> {
    const [content, journal] = [await this.content.identity(), await this.journal.identity()];
    return content.sizeBytes === 0 || journal.sizeBytes === 0;
  }

  /** Nothing in them is of use to a later run. */
  async remove(): Promise<void> {
    const paths = partialPaths(this.#output);
    await this.#files.remove(paths.part);
    await this.#files.remove(paths.journal);
  }

  async close(): Promise<void> {
    await this.content.close();
    await this.journal.close();
    this.#lock.release();
  }
}
