/** What hosts take straight from a registry while their cluster does not help. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Origin } from "#origins/mod.ts";
import { manualClock } from "../../../../test/manual-clock.ts";
import { ImageContent } from "./image-content.ts";
import type { HostDaemon } from "../service.ts";

const chunk = Buffer.alloc(10_000);

async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield chunk;
}

/** Milliseconds that a million bytes take one of so many hosts; undefined: it knows no cluster. */
async function takes(hosts: number | undefined): Promise<number> {
  const clock = manualClock();
  const body = chunks(100);
  const content = new ImageContent({
    clock,
    daemon: { manager: hosts === undefined ? undefined : { hostsKnown: hosts } } as HostDaemon,
    origin: { open: async () => ({ kind: "body", start: 0, body }) } as unknown as Origin,
    originBudgetBytesPerSecond: () => 10_000_000,
  });
  let over = false;
  const reading = (async () => {
    let bytes = 0;
    const ask = { url: "http://reg.test/blob", headers: {} };
    for await (const part of content.fetch(ask, 0, AbortSignal.timeout(10_000))) bytes += part.length;
    over = true;
    return bytes;
  })();
  while (!over) await clock.advance(10);
  assert.equal(await reading, 1_000_000);
  return clock.nowMs();
}

test("a host takes its share of the origin budget, and one without a cluster what there is", async () => {
  const alone = await takes(1);
  assert.ok(alone > 70 && alone < 150, `${alone} ms at ten megabytes a second`);
  const oneOfTen = await takes(10);
  assert.ok(oneOfTen > 900 && oneOfTen < 1200, `${oneOfTen} ms at one`);
  assert.ok((await takes(undefined)) <= 20);
});
