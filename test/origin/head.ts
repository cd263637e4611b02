/** The head of an answer as the script wants it: which bytes, which status, which headers. */

import type { IncomingMessage } from "node:http";
import type { ObjectScript } from "./script.ts";
import type { ServedObject } from "./served-object.ts";

export interface Head {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** The run of the content that the body is; undefined: no body. */
  readonly span: { readonly start: number; readonly end: number } | undefined;
}

export function headFor(request: IncomingMessage, script: ObjectScript, object: ServedObject): Head {
  const early = earlyHead(request, script);
  if (early !== undefined) return early;
  const { sizeBytes } = object.content;
  const validators = validatorsOf(object);
  if (isUnchanged(request, object))
    return { status: 304, headers: { ...validators, ...script.headers }, span: undefined };

  const common = { "content-type": "application/octet-stream", ...validators, ...object.digestHeaders() };
  if (script.ranges !== false) Object.assign(common, { "accept-ranges": "bytes" });
  const range = script.ranges === false ? undefined : rangeAsked(request, object);
  if (range === undefined) {
    const span = { start: 0, end: sizeBytes };
    return { status: 200, headers: { ...common, ...framing(script, sizeBytes), ...script.headers }, span };
  }
  if (range === "outside") {
    return {
      status: 416,
      headers: { "content-range": `bytes */${sizeBytes}`, "content-length": "0" },
      span: undefined,
    };
  }
  const span = lyingSpan(range, script, sizeBytes);
  const told = contentRangeHeader(span, script, sizeBytes);
  return {
    status: 206,
    headers: { ...common, ...told, ...framing(script, span.end - span.start), ...script.headers },
    span,
  };
}

function earlyHead(request: IncomingMessage, script: ObjectScript): Head | undefined {
  const empty = { "content-length": "0", ...script.headers };
  const { needsHeader } = script;
  if (needsHeader !== undefined && request.headers[needsHeader.name] !== needsHeader.value) {
    return { status: 401, headers: { ...empty, "www-authenticate": 'Basic realm="test"' }, span: undefined };
  }
  if (script.redirectTo !== undefined) {
    return { status: script.status ?? 302, headers: { ...empty, location: script.redirectTo }, span: undefined };
  }
  if (script.status === undefined || script.status === 200) return undefined;
  const later = script.retryAfter === undefined ? {} : { "retry-after": script.retryAfter };
  return { status: script.status, headers: { ...empty, ...later }, span: undefined };
}

function validatorsOf(object: ServedObject): Record<string, string> {
  const { etag, lastModified } = object;
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { "last-modified": lastModified }),
  };
}

function isUnchanged(request: IncomingMessage, object: ServedObject): boolean {
  const { "if-none-match": etag, "if-modified-since": since } = request.headers;
  if (etag !== undefined) return etag === object.etag;
  return since !== undefined && since === object.lastModified;
}

/** One range as RFC 9110, 14.1.2 has it; several, or a moved validator, mean the whole. */
function rangeAsked(
  request: IncomingMessage,
  object: ServedObject,
): { start: number; end: number } | "outside" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const condition = request.headers["if-range"];
  if (condition !== undefined && condition !== object.etag && condition !== object.lastModified) return undefined;
  const { sizeBytes } = object.content;
  if (match[1] === "") return { start: Math.max(0, sizeBytes - Number(match[2])), end: sizeBytes };
  const start = Number(match[1]);
  const end = match[2] === "" ? sizeBytes : Math.min(Number(match[2]) + 1, sizeBytes);
  return start < sizeBytes && start < end ? { start, end } : "outside";
}

function lyingSpan(
  span: { start: number; end: number },
  script: ObjectScript,
  sizeBytes: number,
): { start: number; end: number } {
  if (script.contentRange === "longer") return { start: span.start, end: sizeBytes };
  if (script.contentRange === "shorter") return { start: span.start, end: Math.ceil((span.start + span.end) / 2) };
  return span;
}

function contentRangeHeader(
  span: { start: number; end: number },
  script: ObjectScript,
  sizeBytes: number,
): Record<string, string> {
  switch (script.contentRange) {
    case "absent":
      return {};
    case "wrong-start":
      return { "content-range": `bytes ${span.start + 1}-${span.end}/${sizeBytes + 1}` };
    case "beyond-end":
      return { "content-range": `bytes ${span.start}-${span.end - 1}/${span.end - 1}` };
    default:
      return { "content-range": `bytes ${span.start}-${span.end - 1}/${sizeBytes}` };
  }
}

function framing(script: ObjectScript, bodyBytes: number): Record<string, string> {
  if (script.chunked === true) return { "transfer-encoding": "chunked" };
  if (script.lengthHeader === "absent") return { connection: "close" };
  const lie = script.lengthHeader === "larger" ? 10 : script.lengthHeader === "smaller" ? -10 : 0;
  return { "content-length": String(Math.max(0, bodyBytes + lie)) };
}
