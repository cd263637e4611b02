/**
 * One request and its answer's head on `node:http`: the timers around connecting and waiting, the
 * caller's signal, and what went wrong in our words.
 */

import type * as HttpTypes from "node:http";
import { http, https } from "../machine/modules.node.ts";
import { DarnerError } from "#base/mod.ts";
import type { HttpClientOptions, HttpReply, HttpRequest } from "./client.ts";
import { AddressRefused, reachRefused } from "../sockets/address-rule.node.ts";
import { NodeHttpBody } from "./body.node.ts";
import { networkError } from "../sockets/network-error.ts";
import { patience, type Patience } from "../machine/patience.node.ts";

/** The other side closed a kept connection before it saw the request: nothing happened, try anew. */
export class StaleConnectionError extends Error {}

/** Rejects with a DarnerError or StaleConnectionError. */
export function exchange(
  request: HttpRequest,
  agent: HttpTypes.Agent,
  settings: HttpClientOptions,
  signal: AbortSignal,
): Promise<HttpReply> {
  if (signal.aborted) return Promise.reject(interruption(signal, request.name));
  return new Promise((resolve, reject) => {
    const outgoing = start(request, agent, settings);
    let body: NodeHttpBody | undefined;
    let waiting = failAfter(settings.connectTimeoutMs, "no connection");

    function failAfter(timeoutMs: number, what: string): Patience {
      return patience(timeoutMs, () => outgoing.destroy(timeoutError(request.name, what, timeoutMs)));
    }
    function connected(): void {
      waiting.end();
      waiting = failAfter(settings.idleTimeoutMs, "no answer");
    }
    function interrupted(): void {
      const reason = interruption(signal, request.name);
      if (body === undefined) outgoing.destroy(reason);
      else body.cut(reason);
    }

    signal.addEventListener("abort", interrupted, { once: true });
    outgoing.once("socket", (socket) => {
      if (outgoing.reusedSocket || !socket.connecting) return connected();
      socket.once("encrypted" in socket ? "secureConnect" : "connect", connected);
    });
    outgoing.once("response", (message) => {
      waiting.end();
      body = new NodeHttpBody(message, request.name, settings, request.method === "HEAD");
      const remoteAddress = message.socket.remoteAddress ?? "";
      resolve({ status: message.statusCode ?? 0, headers: headersOf(message), remoteAddress, body });
    });
    outgoing.on("error", (error) => {
      if (body === undefined) reject(failureBeforeHead(error, outgoing, request, settings));
      else body.fail(error);
    });
    outgoing.once("close", () => {
      waiting.end();
      signal.removeEventListener("abort", interrupted);
      if (body === undefined) reject(networkError({ code: "ECONNRESET" }, `fetch ${request.name}`));
    });
    outgoing.end();
  });
}

function start(request: HttpRequest, agent: HttpTypes.Agent, settings: HttpClientOptions): HttpTypes.ClientRequest {
  const transport = request.url.protocol === "https:" ? https() : http;
  try {
    return transport.request(request.url, {
      method: request.method ?? "GET",
      agent,
      headers: request.headers,
      maxHeaderSize: settings.headerBytesMax,
      joinDuplicateHeaders: true,
    });
  } catch (cause) {
    // The cause's own message may quote the header's value, which may be a secret.
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw new DarnerError(
      "usage",
      `cannot fetch ${request.name}: a request header is not valid (${code}); check --header`,
    );
  }
}

function headersOf(message: HttpTypes.IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return headers;
}

function failureBeforeHead(
  error: NodeJS.ErrnoException,
  outgoing: HttpTypes.ClientRequest,
  request: HttpRequest,
  settings: HttpClientOptions,
): Error {
  const code = error.code ?? "";
  if (error instanceof AddressRefused) return reachRefused(request.name, error.message);
  if (outgoing.reusedSocket && (code === "ECONNRESET" || code === "EPIPE")) return new StaleConnectionError(code);
  if (code === "HPE_HEADER_OVERFLOW") {
    const says = `its headers are longer than ${settings.headerBytesMax} bytes; the server should send less`;
    return new DarnerError("origin.protocol", `cannot fetch ${request.name}: ${says}`, { cause: error });
  }
  if (code.startsWith("HPE_")) {
    const says = `the answer is not valid HTTP (${code}); check that the port speaks ${request.url.protocol.slice(0, -1)}`;
    return new DarnerError("origin.protocol", `cannot fetch ${request.name}: ${says}`, { cause: error });
  }
  return networkError(error, `fetch ${request.name}`);
}

function timeoutError(name: string, what: string, timeoutMs: number): DarnerError {
  const says = `${what} within ${timeoutMs} ms; check the host, or allow more time`;
  return new DarnerError("network.timeout", `cannot fetch ${name}: ${says}`, { retry: { afterMs: 1000 } });
}

function interruption(signal: AbortSignal, name: string): DarnerError {
  if (signal.reason instanceof DarnerError) return signal.reason;
  return new DarnerError("interrupted", `stopped fetching ${name}: the caller gave up`, { cause: signal.reason });
}
