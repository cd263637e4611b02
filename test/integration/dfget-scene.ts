/** The scene of dfget's tests: a folder, a part of one origin, and what every failure must look like. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { errorTable, type ErrorCode } from "#base/mod.ts";
import { contentOf, startTestOrigin, type ObjectScript, type RecordedRequest, type TestOrigin } from "../origin/mod.ts";
import { Desk, type Outcome } from "./run-dfget.ts";

export const MB = 1_000_000;
export const lastModified = "Sat, 01 Nov 2025 10:00:00 GMT";
export const object: ObjectScript = { body: { sizeBytes: 3 * MB, seed: 5 }, lastModified };

let server: TestOrigin;
before(async () => {
  server = await startTestOrigin();
});
after(() => server.close());

/** What one test has to itself: a folder, and a part of the origin. */
export interface Scene {
  readonly desk: Desk;
  readonly origin: Site;
  readonly skip: (why: string) => void;
}

export class Site {
  static #made = 0;
  readonly #prefix = `/${++Site.#made}`;

  serve(path: string, script: ObjectScript): void {
    server.serve(this.#prefix + path, script);
  }

  url(path: string): string {
    return server.url(this.#prefix + path);
  }

  get requests(): readonly RecordedRequest[] {
    return server.requests.filter(({ url }) => url.startsWith(`${this.#prefix}/`));
  }

  bodyBytes(path: string): number {
    return server.bodyBytes(this.#prefix + path);
  }
}

export function story(name: string, tell: (scene: Scene) => Promise<void>): void {
  test(name, async (context) => {
    const desk = new Desk();
    try {
      await tell({ desk, origin: new Site(), skip: (why) => context.skip(why) });
    } finally {
      desk.remove();
    }
  });
}

/** Waits until `holds`, at most as long as a test may take. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `waited too long until ${what}`);
    await delay(5);
  }
}

/** Most of a test is waiting for a process. */
export const together = { concurrency: 3 };

export function bytesOf(script: ObjectScript, version = 1): Buffer {
  const content = contentOf(script, version);
  return content.read(0, content.sizeBytes);
}

export function digestOf(script: ObjectScript, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytesOf(script)).digest("hex")}`;
}

/** It failed as the table says, in one line, with nothing under the final name. */
export function assertFailed(desk: Desk, outcome: Outcome, code: ErrorCode, output = "x"): void {
  assert.equal(outcome.status, errorTable[code].exit, `${code}: ${outcome.stderr}`);
  const lines = outcome.stderr.trimEnd().split("\n");
  assert.match(lines.at(-1)!, /^dfget: (?:cannot|stopped) /);
  assert.doesNotMatch(outcome.stderr, /\n\s+at /);
  assert.ok(!desk.names().includes(output), "nothing lies under the final name");
}
