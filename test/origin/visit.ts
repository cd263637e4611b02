/** What tests do with an origin: open and read it with short timers, and catch the error it should give. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { DarnerError, type ErrorCode } from "#base/mod.ts";
import type { ReachPolicy } from "#core/reach/mod.ts";
import { createOrigins, type Origin, type OriginAnswer, type OriginRequest } from "#origins/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { createNodeHttpClient } from "#platform/http-client/client.node.ts";
import type { HttpClientOptions } from "#platform/http-client/client.ts";
import { startTestOrigin, type TestOrigin, type TestOriginOptions } from "./server.ts";

export const noSignal = new AbortController().signal;

/** Ends with the test file. */
export function visitor(options: Partial<HttpClientOptions> = {}, reach?: () => ReachPolicy): Origin {
  const httpClient = createNodeHttpClient({ connectTimeoutMs: 5000, idleTimeoutMs: 5000, ...options });
  after(() => httpClient.close());
  return createOrigins({ httpClient, clock: nodeClock, ...(reach === undefined ? {} : { reach }) });
}

/** A test origin that ends with the test file. */
export async function originForFile(options: TestOriginOptions = {}): Promise<TestOrigin> {
  const origin = await startTestOrigin(options);
  after(() => origin.close());
  return origin;
}

export type BodyAnswer = Extract<OriginAnswer, { kind: "body" }>;

export async function openBody(origin: Origin, request: OriginRequest): Promise<BodyAnswer> {
  const answer = await origin.open(request, noSignal);
  assert(answer.kind === "body", "the origin gives a body");
  return answer;
}

export async function readAll(answer: BodyAnswer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function fetchAll(origin: Origin, request: OriginRequest): Promise<Buffer> {
  return readAll(await openBody(origin, request));
}

/** The DarnerError that fetching ends with: its code as told, its message one line that names the object. */
export async function troubleOf(origin: Origin, request: OriginRequest, code: ErrorCode): Promise<DarnerError> {
  let trouble: unknown;
  await fetchAll(origin, request).catch((error: unknown) => (trouble = error));
  assert(trouble instanceof DarnerError, `fetching should fail with a DarnerError, not ${String(trouble)}`);
  assert.equal(trouble.code, code, trouble.message);
  assert.doesNotMatch(trouble.message, /[\n\r]/, "the message is one line");
  assert.match(trouble.message, /; |: /, "the message says what is and what to do");
  const url = URL.parse(request.url);
  if (url !== null) assert.ok(trouble.message.includes(url.host), `the message names the host: ${trouble.message}`);
  return trouble;
}
