/** Answers in the form that registries give them (OCI distribution, "Error codes"). */

import type { ServerResponse } from "node:http";
import type { Seen } from "#core/protocol/mod.ts";

export function answerError(response: ServerResponse, status: number, code: string, message: string): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const body = Buffer.from(`${JSON.stringify({ errors: [{ code, message }] })}\n`);
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body);
}

/** The registry wants a credential: its own challenge, which tells the client where to get one. */
export function answerChallenge(response: ServerResponse, { status, headers }: Seen): void {
  const challenge = headers["www-authenticate"];
  if (challenge !== undefined) response.setHeader("www-authenticate", challenge);
  answerError(response, status, "UNAUTHORIZED", "the registry wants a credential for this");
}

export interface ContentHead {
  readonly digest: string;
  readonly mediaType: string;
  readonly lengthBytes: number;
}

export function contentHeaders({ digest, mediaType, lengthBytes }: ContentHead): Record<string, string | number> {
  return {
    "content-type": mediaType,
    "content-length": lengthBytes,
    "docker-content-digest": digest,
    "docker-distribution-api-version": "registry/2.0",
    "etag": `"${digest}"`,
    "accept-ranges": "bytes",
  };
}
