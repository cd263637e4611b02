/**
 * A question in JSON to another process as a port: one request, one answer, both small. For data use
 * the HTTP client; for a conversation, the framed protocol.
 */

import type { MemberRole } from "#core/model/mod.ts";
import { DarnerError, errorFromWire, type ErrorWire } from "#base/mod.ts";

export interface JsonRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With a `socketPath` its host is only a name. Without user and password. */
  readonly url: URL;
  readonly socketPath?: string;
  /** Whom of its cluster the process means, for https: the certificate should name that role, not the host. */
  readonly role?: MemberRole;
  /** An operator's token. */
  readonly bearer?: string | undefined;
  readonly body?: unknown;
  /** For connecting, sending, waiting and reading together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpJson {
  /**
   * The answer's JSON (undefined where it has no body). Rejects with the other side's own error, with
   * `network.*` or `tls.*`, with `cluster.protocol` when the answer makes no sense, or with
   * `interrupted` when `signal` ends it.
   */
  request(request: JsonRequest): Promise<unknown>;
  /** Ends kept connections. */
  close(): void;
}

/** What messages call a request: no query. */
export function jsonRequestName(request: JsonRequest): string {
  const place = request.socketPath === undefined ? request.url.origin : request.socketPath;
  return `ask ${place} for ${request.method} ${request.url.pathname}`;
}

/** Makes an answer of what came; throws as `HttpJson.request` rejects. */
export function readJsonAnswer(name: string, status: number, text: string): unknown {
  let json: unknown;
  try {
    json = text === "" ? undefined : JSON.parse(text);
  } catch (cause) {
    const why = `the answer (status ${status}) is not JSON; check that the address is Darner's`;
    throw new DarnerError("cluster.protocol", `cannot ${name}: ${why}`, { cause });
  }
  if (status >= 200 && status < 300) return json;
  const wire = wireOf(json);
  if (wire !== undefined) throw errorFromWire(wire);
  throw new DarnerError("cluster.protocol", `cannot ${name}: the answer is status ${status}; check the address`);
}

function wireOf(json: unknown): ErrorWire | undefined {
  if (typeof json !== "object" || json === null || !("error" in json)) return undefined;
  const { error } = json;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return undefined;
  const { code, message } = error;
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  const retry = "retry" in error ? retryOf(error.retry) : "never";
  return { code: code as ErrorWire["code"], message, retry };
}

function retryOf(value: unknown): ErrorWire["retry"] {
  if (value === "now") return "now";
  if (typeof value !== "object" || value === null || !("afterMs" in value)) return "never";
  const { afterMs } = value;
  return typeof afterMs === "number" && afterMs >= 0 ? { afterMs } : "never";
}
