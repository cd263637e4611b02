/** To whom, and for how long, a manifest is given again without a new judgement. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { RecentAnswers } from "./recent-answers.ts";

const target = new URL("http://reg.test/v2/team/app/manifests/sha256:abc");
const bytes = Buffer.from("a manifest");

/** Gives `bytes` to its first request, as long as the right lives, and again what it may give again. */
async function behind(
  rightEndsMs: number,
  tell: (ask: (atMs: number, headers?: Record<string, string>, at?: string) => Promise<string>) => Promise<void>,
): Promise<void> {
  const answers = new RecentAnswers();
  let nowMs = 0;
  const server: Server = createServer((request, response) => {
    const judged = { request, target: new URL(request.url!, target), authorization: request.headers.authorization };
    if (answers.giveAgain(judged, response, nowMs)) return;
    response.end("judged");
    const answer = { headers: { "content-length": bytes.length }, bytes, untilMs: rightEndsMs };
    if (judged.target.href === target.href) answers.keep(judged, answer, nowMs);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    await tell(async (atMs, headers = {}, at = target.pathname) => {
      nowMs = atMs;
      const asking = get({ port, host: "127.0.0.1", path: at, headers, agent: false });
      const [response] = (await once(asking, "response")) as [AsyncIterable<Buffer>];
      let text = "";
      for await (const part of response) text += String(part);
      return text;
    });
  } finally {
    server.close();
  }
}

test("what was judged is given again for a second, to the same request only", () =>
  behind(Infinity, async (ask) => {
    const anna = { authorization: "Bearer anna", accept: "application/json" };
    assert.equal(await ask(0, anna), "judged");
    assert.equal(await ask(999, anna), "a manifest");
    assert.equal(await ask(999, { ...anna, authorization: "Bearer eve" }), "judged");
    assert.equal(await ask(999, { accept: "application/json" }), "judged");
    assert.equal(await ask(999, { ...anna, accept: "text/plain" }), "judged");
    assert.equal(await ask(999, { ...anna, range: "bytes=0-1" }), "judged");
    assert.equal(await ask(999, anna, `${target.pathname}d`), "judged");
    assert.equal(await ask(1000, anna), "judged");
  }));

test("never longer than the right to it lives", () =>
  behind(300, async (ask) => {
    assert.equal(await ask(0), "judged");
    assert.equal(await ask(299), "a manifest");
    assert.equal(await ask(300), "judged");
  }));
