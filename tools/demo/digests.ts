/**
 * The SHA-256 of files and of what they should hold, on as many threads as the machine has: on a
 * processor without SHA instructions this is the demo's longest wait.
 */

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { contentDigest, seededContent } from "../../test/origin/mod.ts";

/** A file, or the content that the test origin makes of a size and a seed. */
export type Digested = { readonly path: string } | { readonly sizeBytes: number; readonly seed: number };

const readBytes = 1024 * 1024;

/** In their order, in hex. */
export async function sha256Of(all: readonly Digested[]): Promise<string[]> {
  const digests: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < all.length) {
      const index = next++;
      digests[index] = await onThread(all[index]!);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return digests;
}

function onThread(one: Digested): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: one });
    worker.once("message", resolve).once("error", reject);
  });
}

function digestOf(one: Digested): string {
  if ("seed" in one) return contentDigest(seededContent(one.sizeBytes, one.seed), "sha256");
  const hash = createHash("sha256");
  const descriptor = openSync(one.path, "r");
  const buffer = Buffer.alloc(readBytes);
  for (let count = 1; count > 0;) {
    count = readSync(descriptor, buffer);
    hash.update(buffer.subarray(0, count));
  }
  closeSync(descriptor);
  return hash.digest("hex");
}

if (!isMainThread) parentPort?.postMessage(digestOf(workerData as Digested), []);
