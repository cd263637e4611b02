/** Bad luck with an origin: each case against a real server that misbehaves, its code, its retry and its words. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { after, test } from "node:test";
import { DarnerError, type ErrorCode, type Retry } from "#base/mod.ts";
import type { ObjectScript } from "../../test/origin/mod.ts";
import { fetchAll, noSignal, openBody, originForFile, readAll, troubleOf, visitor } from "../../test/origin/visit.ts";

const origin = await originForFile();
const visit = visitor();
const impatient = visitor({ idleTimeoutMs: 300 });
const body = { sizeBytes: 200_000, seed: 3 };
const soon: Retry = { afterMs: 1000 };

interface Case {
  readonly what: string;
  readonly script: ObjectScript;
  readonly range?: { readonly start: number; readonly end?: number };
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  {
    what: "401",
    script: { status: 401 },
    code: "origin.unauthorized",
    retry: "never",
    says: /401.*--header or --netrc/,
  },
  { what: "403", script: { status: 403 }, code: "origin.forbidden", retry: "never", says: /403/ },
  { what: "404", script: { status: 404 }, code: "origin.not-found", retry: "never", says: /404.*check the URL/ },
  { what: "410", script: { status: 410 }, code: "origin.gone", retry: "never", says: /410/ },
  { what: "418", script: { status: 418 }, code: "origin.status", retry: "never", says: /418/ },
  { what: "204", script: { status: 204 }, code: "origin.status", retry: "never", says: /204/ },
  { what: "304 to a plain GET", script: { status: 304 }, code: "origin.status", retry: "never", says: /304/ },
  { what: "408", script: { status: 408 }, code: "origin.status", retry: soon, says: /408/ },
  { what: "500", script: { status: 500 }, code: "origin.server-error", retry: soon, says: /500.*later/ },
  {
    what: "503 that tells when to come back",
    script: { status: 503, retryAfter: "7" },
    code: "origin.server-error",
    retry: { afterMs: 7000 },
    says: /503.*7 s/,
  },
  {
    what: "429 that tells when to come back",
    script: { status: 429, retryAfter: "120" },
    code: "origin.rate-limited",
    retry: { afterMs: 120_000 },
    says: /429.*120 s/,
  },
  { what: "429 without a time", script: { status: 429 }, code: "origin.rate-limited", retry: soon, says: /429/ },
  {
    what: "a body shorter than announced",
    script: { body, lengthHeader: "larger" },
    code: "origin.body-short",
    retry: "now",
    says: /200000 of 200010 bytes/,
  },
  {
    what: "a connection that ends in mid-body",
    script: { body, closeAfterBytes: 50_000 },
    code: "origin.body-short",
    retry: "now",
    says: /50000 of 200000 bytes/,
  },
  {
    what: "a body longer than announced",
    script: { body, lengthHeader: "smaller" },
    code: "origin.body-long",
    retry: "never",
    says: /more came than the 199990 bytes/,
  },
  {
    what: "a chunked body that ends early",
    script: { body, chunked: true, closeAfterBytes: 50_000 },
    code: "network.broken",
    retry: "now",
    says: /broke the connection/,
  },
  {
    what: "a reset in mid-body",
    script: { body, resetAfterBytes: 50_000 },
    code: "network.broken",
    retry: "now",
    says: /broke the connection/,
  },
  {
    what: "a stall in mid-body",
    script: { body, stallAfterBytes: 50_000 },
    code: "network.timeout",
    retry: "now",
    says: /no byte within 300 ms, after 50000/,
  },
  {
    what: "no answer",
    script: { silent: true },
    code: "network.timeout",
    retry: soon,
    says: /no answer within 300 ms/,
  },
  {
    what: "no HTTP",
    script: { raw: "SSH-2.0-x\r\n" },
    code: "origin.protocol",
    retry: "never",
    says: /not valid HTTP/,
  },
  {
    what: "an endless head",
    script: { raw: `HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(100_000)}\r\n\r\n` },
    code: "origin.protocol",
    retry: "never",
    says: /headers are longer than 65536 bytes/,
  },
  { what: "a hang-up", script: { raw: "" }, code: "network.broken", retry: "now", says: /broke the connection/ },
  {
    what: "a chunk size that is none",
    script: { raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" },
    code: "origin.protocol",
    retry: soon,
    says: /not valid HTTP/,
  },
  {
    what: "a range outside the object",
    script: { body },
    range: { start: 200_000 },
    code: "origin.range",
    retry: "never",
    says: /416; it has 200000 bytes/,
  },
  {
    what: "206 without Content-Range",
    script: { body, contentRange: "absent" },
    range: { start: 10, end: 20 },
    code: "origin.protocol",
    retry: "never",
    says: /no Content-Range/,
  },
  {
    what: "206 from another byte",
    script: { body, contentRange: "wrong-start" },
    range: { start: 10, end: 20 },
    code: "origin.protocol",
    retry: "never",
    says: /bytes 11-20.*byte 10 was asked for/,
  },
  {
    what: "206 that ends beyond the object",
    script: { body, contentRange: "beyond-end" },
    range: { start: 10, end: 20 },
    code: "origin.protocol",
    retry: "never",
    says: /impossible/,
  },
  {
    what: "206 whose two lengths differ",
    script: { body, lengthHeader: "smaller" },
    range: { start: 10, end: 60 },
    code: "origin.protocol",
    retry: "never",
    says: /Content-Length 40 and Content-Range/,
  },
  {
    what: "206 longer than asked for",
    script: { body, contentRange: "longer" },
    range: { start: 10, end: 20 },
    code: "origin.body-long",
    retry: "never",
    says: /ends before byte 20/,
  },
  {
    what: "206 shorter than asked for",
    script: { body, contentRange: "shorter" },
    range: { start: 10, end: 20 },
    code: "origin.body-short",
    retry: "now",
    says: /5 of 10 bytes/,
  },
  {
    what: "206 to a plain GET",
    script: { body, status: 206 },
    code: "origin.protocol",
    retry: "never",
    says: /a part \(206\)/,
  },
  {
    what: "a redirect to itself",
    script: { redirectTo: "/object" },
    code: "origin.redirect-loop",
    retry: "never",
    says: /\/object was visited before/,
  },
  {
    what: "a redirect to nowhere",
    script: { status: 302, headers: {} },
    code: "origin.protocol",
    retry: "never",
    says: /without a Location/,
  },
  {
    what: "a redirect to no URL",
    script: { redirectTo: "http://[" },
    code: "origin.protocol",
    retry: "never",
    says: /which is no URL/,
  },
  {
    what: "a redirect to another scheme",
    script: { redirectTo: "ftp://elsewhere.example/object" },
    code: "origin.redirect-scheme",
    retry: "never",
    says: /ftp:\/\/elsewhere\.example/,
  },
];

for (const { what, script, range, code, retry, says } of cases) {
  test(`${what}: ${code}`, async () => {
    origin.serve("/object", script);
    const url = origin.url("/object?signature=s3cret");
    const stalls = script.stallAfterBytes !== undefined || script.silent === true;
    const trouble = await troubleOf(stalls ? impatient : visit, range === undefined ? { url } : { url, range }, code);
    assert.deepEqual(trouble.retry, retry);
    assert.match(trouble.message, says);
    assert.ok(trouble.message.includes("/object"), trouble.message);
    assert.doesNotMatch(trouble.message, /s3cret/);
  });
}

test("Retry-After may be a date", async () => {
  const date = new Date(Date.now() + 60_000).toUTCString();
  origin.serve("/date", { status: 429, retryAfter: date });
  const { retry } = await troubleOf(visit, { url: origin.url("/date") }, "origin.rate-limited");
  assert.ok(typeof retry === "object" && retry.afterMs > 50_000 && retry.afterMs <= 60_000);
});

test("ten redirects are followed, eleven are too many", async () => {
  for (let step = 0; step < 11; step++) origin.serve(`/hop/${step}`, { redirectTo: `/hop/${step + 1}` });
  origin.serve("/hop/11", { body });
  assert.equal((await fetchAll(visit, { url: origin.url("/hop/1") })).length, 200_000);
  const trouble = await troubleOf(visit, { url: origin.url("/hop/0") }, "origin.redirect-loop");
  assert.match(trouble.message, /more than 10 redirects/);
  assert.equal(trouble.retry, "never");
});

test("bytes that came before a break are the reader's to keep", async () => {
  origin.serve("/kept", { body, closeAfterBytes: 50_000, misbehavesTimes: 1 });
  const answer = await openBody(visit, { url: origin.url("/kept") });
  let receivedBytes = 0;
  await assert.rejects(
    async () => {
      for await (const chunk of answer.body) receivedBytes += chunk.length;
    },
    { code: "origin.body-short" },
  );
  assert.equal(receivedBytes, 50_000);
  const rest = await fetchAll(visit, { url: origin.url("/kept"), range: { start: receivedBytes } });
  assert.equal(rest.length, 150_000);
});

test("an unknown host", async () => {
  const url = `http://${"a".repeat(64)}.invalid/object`;
  const trouble = await troubleOf(visit, { url }, "network.unknown-host");
  assert.equal(trouble.retry, "never");
});

test("a port where nobody listens", async () => {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  const trouble = await troubleOf(visit, { url: `http://127.0.0.1:${port}/object` }, "network.refused");
  assert.deepEqual(trouble.retry, soon);
  assert.match(trouble.message, /nothing listens there/);
});

test("a server that accepts and never ends its TLS handshake", async () => {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  const hasty = visitor({ connectTimeoutMs: 150 });
  const trouble = await troubleOf(hasty, { url: `https://127.0.0.1:${port}/object` }, "network.timeout");
  assert.match(trouble.message, /no connection within 150 ms/);
});

test("malformed URLs and unknown schemes are refused before anything is sent", async () => {
  const malformed = await troubleOf(visit, { url: "http://ann:s3cret@[/x?key=s3cret" }, "url.malformed");
  assert.doesNotMatch(malformed.message, /s3cret/);
  const scheme = await troubleOf(visit, { url: "gopher://host/x?key=s3cret" }, "url.scheme");
  assert.match(scheme.message, /gopher.*http or https/);
  assert.doesNotMatch(scheme.message, /s3cret/);
});

test("a header that HTTP forbids is refused without showing its value", async () => {
  const headers = { Authorization: "Bearer s3cret\r\nX: y" };
  const trouble = await troubleOf(visit, { url: origin.url("/object"), headers }, "usage");
  assert.doesNotMatch(trouble.message, /s3cret/);
});

test("the caller's signal ends a request that waits, and a body that stalls", async () => {
  const patient = visitor({ idleTimeoutMs: 10_000 });
  const reason = new DarnerError("deadline", "the whole took longer than 0.1 s");
  origin.serve("/silent", { silent: true });
  const waiting = new AbortController();
  setTimeout(() => waiting.abort(reason), 50);
  await assert.rejects(patient.open({ url: origin.url("/silent") }, waiting.signal), reason);

  origin.serve("/stalls", { body, stallAfterBytes: 1000 });
  const reading = new AbortController();
  const answer = await patient.open({ url: origin.url("/stalls") }, reading.signal);
  assert(answer.kind === "body");
  setTimeout(() => reading.abort(), 50);
  await assert.rejects(readAll(answer), { code: "interrupted" });

  await assert.rejects(patient.open({ url: origin.url("/silent") }, reading.signal), { code: "interrupted" });
});

test("a kept connection that the origin closed meanwhile costs a new one, not an error", async () => {
  // Closes behind each answer without saying so: the next request on it meets a dead connection.
  const server = net.createServer((socket) => {
    let asked = 0;
    socket.on("error", () => {});
    socket.on("data", () => {
      asked++;
      if (asked === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      else socket.resetAndDestroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const own = visitor();
  for (let turn = 0; turn < 3; turn++) {
    const answer = await own.open({ url: `http://127.0.0.1:${port}/` }, noSignal);
    assert(answer.kind === "body");
    assert.equal((await readAll(answer)).toString(), "ok");
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test("closing a body under a reader who waits is told to the reader, never as an end", async () => {
  origin.serve("/closed", { body, chunked: true, stallAfterBytes: 1000 });
  const answer = await openBody(visit, { url: origin.url("/closed") });
  setTimeout(() => answer.body.close(), 50);
  await assert.rejects(readAll(answer), { code: "interrupted" });
});

test("a connection reset behind the last byte takes nothing from the body", async () => {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
      setTimeout(() => socket.resetAndDestroy(), 30);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const answer = await openBody(visit, { url: `http://127.0.0.1:${port}/` });
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal((await readAll(answer)).toString(), "whole");
});
