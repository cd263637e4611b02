/**
 * `GET /v1/object?url=URL`: an object or a part of it (Range, RFC 9110 section 14) as one answer, for
 * whoever speaks HTTP: `curl --unix-socket SOCKET "http://darner/v1/object?url=http://host/file"`.
 *
 * `Darner-Sensitive: true` keeps the object encrypted between hosts and in caches.
 *
 * A range in another form than FIRST-LAST or FIRST- is ignored, as the RFC allows. An answer is cut
 * short when the object cannot be finished.
 */

import { DarnerError } from "#base/mod.ts";
import { drained } from "#platform/http-server/stream.ts";
import type { Route, RouteRequest } from "#platform/http-server/server.ts";
import type { ByteRange } from "../tasks/mod.ts";
import { readObject, type OpenObject, type ReadAsk } from "./read-object.ts";
import type { HostDaemon } from "../service.ts";

export function objectRoute(daemon: HostDaemon): Route {
  return {
    method: "GET",
    path: "/v1/object",
    doc: "The verified bytes of ?url= (and &digest=, &tag=), or of the Range asked for, in order.",
    access: ["read"],
    handle: async (request) => {
      const { response } = request;
      const stop = new AbortController();
      response.once("close", () => stop.abort(new DarnerError("interrupted", "the client went away")));
      const range = rangeOf(request.headers.range);
      const object = await readObject(daemon, askOf(request, range), stop.signal);
      response.writeHead(range === undefined ? 200 : 206, headersOf(object, range !== undefined));
      await sendBytes(response, object.bytes);
      return undefined;
    },
  };
}

/** Sends bytes as the client takes them, and ends the answer, or cuts it when they fail. */
export async function sendBytes(response: RouteRequest["response"], bytes: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const run of bytes) {
      if (response.destroyed) return;
      if (!response.write(run)) await drained(response);
    }
    response.end();
  } catch {
    response.destroy();
  }
}

/** Throws `cluster.refused` without a URL. */
function askOf({ query, headers }: RouteRequest, range: ByteRange | undefined): ReadAsk {
  const url = query.get("url");
  if (url === null) throw new DarnerError("cluster.refused", "cannot give an object: the query has no url");
  const digest = query.get("digest");
  return {
    url,
    headers: {},
    filterQuery: [],
    tag: query.get("tag") ?? "",
    ...(digest === null ? {} : { digest }),
    ...(range === undefined ? {} : { range }),
    ...(headers["darner-sensitive"] === "true" ? { sensitive: true } : {}),
  };
}

function rangeOf(text: string | undefined): ByteRange | undefined {
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(text ?? "");
  if (match === null) return undefined;
  const start = Number(match[1]);
  if (match[2] === undefined) return { start };
  const end = Number(match[2]) + 1;
  return end > start ? { start, end } : undefined;
}

function headersOf({ lengthBytes, start, end, headers }: OpenObject, part: boolean): Record<string, string> {
  const own: Record<string, string> = { "content-type": headers["content-type"] ?? "application/octet-stream" };
  for (const name of ["etag", "last-modified"]) if (headers[name] !== undefined) own[name] = headers[name];
  own["accept-ranges"] = "bytes";
  if (end !== undefined && lengthBytes !== undefined) own["content-length"] = String(end - start);
  if (part) own["content-range"] = `bytes ${start}-${(end ?? start) - 1}/${lengthBytes ?? "*"}`;
  return own;
}
