/** Reading a request's body as JSON, within a bound. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { DarnerError } from "#base/mod.ts";

/** Throws `cluster.refused`: 413 when it is too long (the connection then ends), 400 when it is no JSON. */
export async function readJsonBody(
  request: IncomingMessage,
  response: ServerResponse,
  bytesMax: number,
): Promise<unknown> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > bytesMax) throw tooLong(response, bytesMax);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Leaving the loop must not destroy the socket: the refusal still has to go out on it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new DarnerError("network.broken", "cannot read the request's body: the connection broke", { cause });
  }
  if (length > bytesMax) throw tooLong(response, bytesMax);
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    const what = length === 0 ? "it is empty" : "it is not JSON";
    throw new DarnerError("cluster.refused", `cannot read the request's body: ${what}`, {
      facts: { httpStatus: 400 },
      cause,
    });
  }
}

function tooLong(response: ServerResponse, bytesMax: number): DarnerError {
  response.shouldKeepAlive = false;
  const message = `cannot read the request's body: it is longer than ${bytesMax} bytes`;
  return new DarnerError("cluster.refused", message, { facts: { httpStatus: 413 } });
}
