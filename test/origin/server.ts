/**
 * The test origin's server. It answers each path by its script and writes down what was asked and
 * how many body bytes went out. `GET /-/stats` tells the sums, for tests in other processes.
 */

import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import type { CertificateKind } from "./certificates.ts";
import { headFor } from "./head.ts";
import { paceOf } from "./pace.ts";
import { sendBody } from "./sender.ts";
import { ServedObject } from "./served-object.ts";
import type { ObjectScript } from "./script.ts";

export interface TestOriginOptions {
  /** Default 127.0.0.1 and any free port. */
  readonly host?: string;
  readonly port?: number;
  /** Speak TLS with such a certificate; default plain http. */
  readonly https?: CertificateKind;
  /** For all answers together. Default unlimited. */
  readonly rateBytesPerSecond?: number;
}

export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  /** 0 until the answer's head is sent. */
  status: number;
  /** Given to the socket so far. */
  bodyBytes: number;
}

export interface TestOrigin {
  /** `http://127.0.0.1:PORT`, or `https://localhost:PORT`. */
  readonly base: string;
  readonly port: number;
  /** PEM of the authority behind the certificate, when it speaks TLS. */
  readonly caCertificate: string | undefined;
  url(path: string): string;
  /** Replaces what the path had; counts start anew. */
  serve(path: string, script: ObjectScript): void;
  /** The latest requests, oldest first, at most `recordedMax`. */
  readonly requests: readonly RecordedRequest[];
  requestsOf(path: string): readonly RecordedRequest[];
  /** Body bytes given to sockets, of all requests or of one path. */
  bodyBytes(path?: string): number;
  readonly connectionsOpened: number;
  close(): Promise<void>;
}

export const recordedMax = 10_000;

export async function startTestOrigin(options: TestOriginOptions = {}): Promise<TestOrigin> {
  const objects = new Map<string, ServedObject>();
  const requests: RecordedRequest[] = [];
  const pace = paceOf(options.rateBytesPerSecond ?? Infinity);
  const sums = { requests: 0, bodyBytes: 0, connections: 0 };
  const bytesByPath = new Map<string, number>();
  const pathOf = (url: string) => url.split("?", 1)[0]!;

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const path = pathOf(url);
    if (path === "/-/stats") return void response.end(JSON.stringify(sums));
    const record: RecordedRequest = { method, url, headers, status: 0, bodyBytes: 0 };
    sums.requests++;
    requests.push(record);
    if (requests.length > recordedMax) requests.shift();

    const object = objects.get(path) ?? new ServedObject({ status: 404 });
    const script = object.nextScript();
    if (script.silent === true) return;
    if (script.raw !== undefined) return void request.socket.end(script.raw, "latin1");
    const { content } = object;
    const head = headFor(request, script, object);
    record.status = head.status;
    if (script.lengthHeader === "absent" && script.chunked !== true) response.useChunkedEncodingByDefault = false;
    response.writeHead(head.status, head.headers);
    response.flushHeaders();
    if (method === "HEAD" || head.span === undefined) return void response.end();
    const sent = (bytes: number) => {
      record.bodyBytes += bytes;
      sums.bodyBytes += bytes;
      bytesByPath.set(path, (bytesByPath.get(path) ?? 0) + bytes);
      object.countSent(bytes);
    };
    await sendBody({ response, script, head, pace, sent, read: (start, end) => content.read(start, end) });
  }

  const { server, caCertificate } = await makeServer(options, (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.on("connection", () => sums.connections++);
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  await once(server, "listening");
  const { port, address } = server.address() as AddressInfo;
  const shownHost = address.includes(":") ? `[${address}]` : address;
  const base = options.https === undefined ? `http://${shownHost}:${port}` : `https://localhost:${port}`;

  return {
    base,
    port,
    caCertificate,
    url: (path) => `${base}${path}`,
    serve(path, script) {
      objects.set(path, new ServedObject(script));
    },
    requests,
    requestsOf: (path) => requests.filter((request) => pathOf(request.url) === path),
    bodyBytes: (path) => (path === undefined ? sums.bodyBytes : (bytesByPath.get(path) ?? 0)),
    get connectionsOpened() {
      return sums.connections;
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function makeServer(
  options: TestOriginOptions,
  listener: http.RequestListener,
): Promise<{ server: http.Server; caCertificate: string | undefined }> {
  if (options.https === undefined) return { server: http.createServer(listener), caCertificate: undefined };
  // Loaded only where it is needed: the certificate library takes a tenth of a second.
  const { makeTestAuthority } = await import("./certificates.ts");
  const authority = await makeTestAuthority();
  const { certificate, key } = await authority.issue(options.https);
  const server = https.createServer({ cert: certificate, key }, listener);
  server.on("tlsClientError", () => {});
  return { server, caCertificate: authority.certificate };
}
