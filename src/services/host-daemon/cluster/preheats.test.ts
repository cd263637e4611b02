/** Preheat orders at a host that two managers know: each gives the same order, for what it owns of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DownloadEvent, HostMessage, TaskAsk } from "#core/protocol/mod.ts";
import { Preheats } from "./preheats.ts";

const asks = (url: string): TaskAsk[] => [{ url, headers: {}, filterQuery: [], tag: "" }];

test("what one manager orders ends nothing of what another one did", async () => {
  const begun = new Map<string, (event: DownloadEvent) => void>();
  const abandoned: string[] = [];
  const preheats = new Preheats(({ url }, tell) => {
    begun.set(url, tell);
    return { abandon: () => void abandoned.push(url) };
  });
  const answers: string[] = [];
  const answerTo =
    (manager: string) =>
    (message: HostMessage): void =>
      void answers.push(`${manager} ${message.kind}`);
  preheats.heard({ kind: "fetch", order: "7", asks: asks("http://origin/a") }, "m1", answerTo("m1"));
  preheats.heard({ kind: "fetch", order: "7", asks: asks("http://origin/b") }, "m2", answerTo("m2"));
  preheats.heard({ kind: "fetch", order: "7", asks: [] }, "m3", answerTo("m3"));
  assert.deepEqual(abandoned, []);
  for (const tell of begun.values()) tell({ event: "done" } as DownloadEvent);
  await new Promise((resolve) => void setImmediate(resolve));
  assert.deepEqual(answers, ["m1 fetched", "m2 fetched"]);
  preheats.heard({ kind: "fetch", order: "8", asks: asks("http://origin/c") }, "m1", answerTo("m1"));
  preheats.heard({ kind: "unfetch", order: "8" }, "m1", answerTo("m1"));
  assert.deepEqual(abandoned, ["http://origin/c"]);
});
