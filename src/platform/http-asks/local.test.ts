/** Asking the daemon on its socket when it is there and does not answer. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { DarnerError } from "#base/mod.ts";
import { absentNative } from "../native/calls.ts";
import { createNodeLocalHttp } from "./local.node.ts";

test("a daemon that stays silent is told from one that is not there: it may still use what it was given", async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "darner-local-"));
  const path = join(folder, "d.sock");
  const local = createNodeLocalHttp(async () => absentNative, 50);
  const ask = (): Promise<unknown> => local.post(path, "/v1/downloads", {}, AbortSignal.timeout(5000));
  const failure = (silent: true | undefined) => (error: DarnerError) =>
    error.code === "daemon.unreachable" && error.facts["silent"] === silent;
  await assert.rejects(ask(), failure(undefined));
  const server = net.createServer(() => undefined).listen(path);
  await once(server, "listening");
  try {
    await assert.rejects(ask(), failure(true));
  } finally {
    server.close();
    fs.rmSync(folder, { recursive: true });
  }
});
