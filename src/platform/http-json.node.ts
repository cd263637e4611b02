/**
 * The real questions in JSON, over `node:http` and `node:https`, with kept connections.
 *
 * 1. Every request ends within its `timeoutMs`, and an answer has at most 4 MiB.
 * 2. A kept connection that the other side closed just as it was used again costs one more attempt on
 *    a fresh one. All requests here may be repeated.
 */

import type * as HttpTypes from "node:http";
import { http, https } from "./http-modules.node.ts";
import { DarnerError } from "#base/mod.ts";
import { jsonRequestName, readJsonAnswer, type HttpJson, type JsonRequest } from "./http-json.ts";
import { networkError } from "./network-error.ts";

const answerBytesMax = 4 * 1024 * 1024;
const socketsMax = 64;
/** Below the 65 s after which our server closes an idle connection. */
const keptIdleMs = 30_000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

export function createNodeHttpJson(): HttpJson {
  const kept: HttpTypes.AgentOptions = {
    keepAlive: true,
    maxSockets: socketsMax,
    maxFreeSockets: 4,
    timeout: keptIdleMs,
  };
  const plain = new http.Agent(kept);
  const secure = new https.Agent({ ...kept, rejectUnauthorized: true });
  return {
    async request(request) {
      const name = jsonRequestName(request);
      const { protocol } = request.url;
      if (protocol !== "http:" && protocol !== "https:") {
        throw new DarnerError("url.scheme", `cannot ${name}: the scheme should be http or https`);
      }
      const agent = protocol === "https:" ? secure : plain;
      const { status, text } = await withinTime(request, name, (signal) => exchange(request, agent, name, signal));
      return readJsonAnswer(name, status, text);
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

async function withinTime(
  request: JsonRequest,
  name: string,
  ask: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    const why = `no answer within ${request.timeoutMs} ms; check that it runs and can be reached`;
    timeout.abort(new DarnerError("network.timeout", `cannot ${name}: ${why}`, { retry: { afterMs: 1000 } }));
  }, request.timeoutMs);
  const ended = request.signal === undefined ? timeout.signal : AbortSignal.any([request.signal, timeout.signal]);
  try {
    return await ask(ended);
  } finally {
    clearTimeout(timer);
  }
}

function exchange(
  request: JsonRequest,
  agent: HttpTypes.Agent | false,
  name: string,
  signal: AbortSignal,
): Promise<Answer> {
  if (signal.aborted) return Promise.reject(interruption(signal, name));
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const headers: HttpTypes.OutgoingHttpHeaders = { Accept: "application/json" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["Content-Length"] = body.length;
  }
  const { method, socketPath } = request;
  const transport = request.url.protocol === "https:" ? https : http;
  // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
  const options = {
    method,
    headers,
    agent,
    rejectUnauthorized: true,
    ...(socketPath === undefined ? {} : { socketPath }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = transport.request(request.url, options);
    const interrupted = (): void => void outgoing.destroy(interruption(signal, name));
    const settle = (): void => signal.removeEventListener("abort", interrupted);
    signal.addEventListener("abort", interrupted, { once: true });
    outgoing.once("response", (incoming) => {
      readText(incoming, name)
        .then((text) => resolve({ status: incoming.statusCode ?? 0, text }))
        .catch((error: unknown) => reject(signal.aborted ? interruption(signal, name) : networkError(error, name)))
        .finally(settle);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      settle();
      const stale = outgoing.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
      if (stale && agent !== false) resolve(exchange(request, false, name, signal));
      else reject(connectError(error, request, name));
    });
    outgoing.end(body);
  });
}

async function readText(incoming: HttpTypes.IncomingMessage, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > answerBytesMax) {
      throw new DarnerError("cluster.protocol", `cannot ${name}: the answer is longer than ${answerBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function connectError(error: NodeJS.ErrnoException, request: JsonRequest, name: string): DarnerError {
  if (error.code?.startsWith("HPE_") === true) {
    const why = `the answer is not valid HTTP (${error.code}); check the port and the scheme`;
    return new DarnerError("cluster.protocol", `cannot ${name}: ${why}`, { cause: error });
  }
  if (request.socketPath === undefined) return networkError(error, name);
  if (error.code !== "ENOENT" && error.code !== "EACCES") return networkError(error, name);
  const why =
    error.code === "ENOENT" ? "the socket does not exist; start what should listen there" : "permission denied";
  const retry = error.code === "ENOENT" ? { afterMs: 1000 } : "never";
  return new DarnerError("network.refused", `cannot ${name}: ${why}`, { retry, cause: error });
}

function interruption(signal: AbortSignal, name: string): DarnerError {
  if (signal.reason instanceof DarnerError) return signal.reason;
  return new DarnerError("interrupted", `cannot ${name}: the caller gave up`, { cause: signal.reason });
}
