/**
 * What stands before a test's registry and misbehaves: refuses, cuts a blob, changes a byte of it, gives
 * it slowly. Everything else it passes on as it is.
 */

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A configuration is no blob to spoil. */
const blobBytesMin = 100_000;

export interface Misbehaviour {
  /** Instead of manifests and blobs; `times`: only so often. */
  readonly status?: number;
  readonly times?: number;
  /** The first answer with a blob ends after so many bytes of it. */
  readonly cutAfterBytes?: number;
  /** The last byte of each blob is another. */
  readonly wrongByte?: boolean;
  readonly rateBytesPerSecond?: number;
}

export class FaultyRegistry {
  readonly #port: number;
  readonly #server: Server;
  #misbehaviour: Misbehaviour = {};
  #refusals = 0;
  #cuts = 0;
  /** Bytes of blobs that it gave since it misbehaves so, and GETs of them. */
  blobBytes = 0;
  blobGets = 0;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((asked, response) => this.#answer(asked, response));
  }

  static async start(registryPort: number): Promise<FaultyRegistry> {
    const faulty = new FaultyRegistry(registryPort);
    faulty.#server.listen(0, "127.0.0.1");
    await once(faulty.#server, "listening");
    return faulty;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on; counts begin anew. */
  behave(misbehaviour: Misbehaviour): void {
    this.#misbehaviour = misbehaviour;
    this.#refusals = this.#cuts = this.blobBytes = this.blobGets = 0;
  }

  /** What it gives already is given as it was, but no longer slowly. */
  recover(): void {
    this.#misbehaviour = {};
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(asked: IncomingMessage, response: ServerResponse): void {
    const { status, times = Infinity } = this.#misbehaviour;
    const isContent = /\/(?:manifests|blobs)\//.test(asked.url ?? "");
    if (status !== undefined && isContent && this.#refusals++ < times) return refuse(response, status);
    const { method = "GET", url = "/", headers } = asked;
    const passed = request({ host: "127.0.0.1", port: this.#port, method, path: url, headers, agent: false });
    passed.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (method === "GET" && wholeBytes(answer) > blobBytesMin)
        void this.#giveBlob(answer, response).catch(() => response.destroy());
      else answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    asked.pipe(passed);
  }

  async #giveBlob(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    this.blobGets++;
    const lengthBytes = Number(answer.headers["content-length"]);
    const cutAfterBytes = this.#cuts === 0 ? this.#misbehaviour.cutAfterBytes : undefined;
    if (cutAfterBytes !== undefined) this.#cuts++;
    let given = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const { wrongByte = false, rateBytesPerSecond = Infinity } = this.#misbehaviour;
      given += chunk.length;
      this.blobBytes += chunk.length;
      if (wrongByte && given === lengthBytes) chunk[chunk.length - 1]! ^= 1;
      response.write(chunk);
      if (cutAfterBytes !== undefined && given >= cutAfterBytes) return void response.destroy();
      if (rateBytesPerSecond !== Infinity) await delay((chunk.length / rateBytesPerSecond) * 1000);
      if (response.destroyed) return;
    }
    response.end();
  }
}

/** Of the object, whatever part of it the answer has. */
function wholeBytes({ headers }: IncomingMessage): number {
  return Number(/\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1] ?? headers["content-length"]);
}

function refuse(response: ServerResponse, status: number): void {
  const codes: Readonly<Record<number, string>> = { 401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN" };
  const code = codes[status] ?? (status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN");
  const body = JSON.stringify({ errors: [{ code, message: `the test says ${status}` }] });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": body.length,
    ...(status === 401 ? { "www-authenticate": 'Basic realm="test"' } : {}),
    ...(status === 429 ? { "retry-after": "1" } : {}),
  });
  response.end(body);
}
