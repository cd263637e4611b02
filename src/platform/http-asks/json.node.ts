/**
 * The real questions in JSON, over `node:http` and `node:https`, with kept connections.
 *
 * 1. Every request ends within its `timeoutMs`, and an answer has at most 4 MiB.
 * 2. A kept connection that the other side closed just as it was used again costs one more attempt on
 *    a fresh one. All requests here may be repeated.
 */

import type * as HttpTypes from "node:http";
import { http, https } from "../machine/modules.node.ts";
import type { SecureContext } from "node:tls";
import { DarnerError } from "#base/mod.ts";
import { memberName } from "#core/model/mod.ts";
import { jsonRequestName, readJsonAnswer, type HttpJson, type JsonRequest } from "./json.ts";
import type { TlsParty } from "../keys/identity.ts";
import { memberError, networkError, notJoined } from "../sockets/network-error.ts";

const answerBytesMax = 4 * 1024 * 1024;
const socketsMax = 64;
/** Below the 65 s after which our server closes an idle connection. */
const keptIdleMs = 30_000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** `party`: how it proves itself to members of its cluster, and whom it believes. */
export function createNodeHttpJson(party?: TlsParty): HttpJson {
  const kept: HttpTypes.AgentOptions = {
    keepAlive: true,
    maxSockets: socketsMax,
    maxFreeSockets: 4,
    timeout: keptIdleMs,
  };
  const plain = new http.Agent(kept);
  let secureAgent: HttpTypes.Agent | undefined;
  const secure = (): HttpTypes.Agent => (secureAgent ??= new (https().Agent)({ ...kept, rejectUnauthorized: true }));
  return {
    async request(request) {
      const name = jsonRequestName(request);
      const { protocol } = request.url;
      if (protocol !== "http:" && protocol !== "https:") {
        throw new DarnerError("url.scheme", `cannot ${name}: the scheme should be http or https`);
      }
      const agent = protocol === "https:" ? secure() : plain;
      const { status, text } = await withinTime(request, name, (signal) =>
        exchange({ ...request, ...tlsOf(request, party) }, agent, name, signal),
      );
      return readJsonAnswer(name, status, text);
    },
    close() {
      plain.destroy();
      secureAgent?.destroy();
    },
  };
}

type Asked = JsonRequest & { readonly tls?: { readonly secureContext: SecureContext; readonly servername: string } };

function tlsOf({ role, url }: JsonRequest, party: TlsParty | undefined): Pick<Asked, "tls"> {
  if (role === undefined || url.protocol !== "https:") return {};
  if (party === undefined) throw notJoined(`ask ${url.origin}`);
  return { tls: { secureContext: party.context(), servername: memberName(role) } };
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

function exchange(request: Asked, agent: HttpTypes.Agent | false, name: string, signal: AbortSignal): Promise<Answer> {
  if (signal.aborted) return Promise.reject(interruption(signal, name));
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const headers: HttpTypes.OutgoingHttpHeaders = { Accept: "application/json" };
  if (request.bearer !== undefined) headers["Authorization"] = `Bearer ${request.bearer}`;
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["Content-Length"] = body.length;
  }
  const { method, socketPath } = request;
  const transport = request.url.protocol === "https:" ? https() : http;
  // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
  const options = {
    method,
    headers,
    agent,
    rejectUnauthorized: true,
    ...(socketPath === undefined ? {} : { socketPath }),
    ...request.tls,
  };
  return new Promise((resolve, reject) => {
    const outgoing = transport.request(request.url, options);
    const interrupted = (): void => void outgoing.destroy(interruption(signal, name));
    const settle = (): void => signal.removeEventListener("abort", interrupted);
    signal.addEventListener("abort", interrupted, { once: true });
    outgoing.once("response", (incoming) => {
      readText(incoming, name)
        .then((text) => resolve({ status: incoming.statusCode ?? 0, text }))
        .catch((error: unknown) =>
          reject(signal.aborted ? interruption(signal, name) : troubleOf(error, request, name)),
        )
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

function connectError(error: NodeJS.ErrnoException, request: Asked, name: string): DarnerError {
  if (error.code?.startsWith("HPE_") === true) {
    const why = `the answer is not valid HTTP (${error.code}); check the port and the scheme`;
    return new DarnerError("cluster.protocol", `cannot ${name}: ${why}`, { cause: error });
  }
  if (request.socketPath === undefined) return troubleOf(error, request, name);
  if (error.code !== "ENOENT" && error.code !== "EACCES") return networkError(error, name);
  const why =
    error.code === "ENOENT"
      ? "the socket does not exist; start what should listen there"
      : "permission denied; run this as its owner or a member of its group";
  const retry = error.code === "ENOENT" ? { afterMs: 1000 } : "never";
  return new DarnerError("network.refused", `cannot ${name}: ${why}`, { retry, cause: error });
}

function troubleOf(error: unknown, request: Asked, name: string): DarnerError {
  return request.tls === undefined ? networkError(error, name) : memberError(error, name);
}

function interruption(signal: AbortSignal, name: string): DarnerError {
  if (signal.reason instanceof DarnerError) return signal.reason;
  return new DarnerError("interrupted", `cannot ${name}: the caller gave up`, { cause: signal.reason });
}
