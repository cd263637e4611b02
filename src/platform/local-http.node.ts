/** HTTP on a unix socket over `node:http`, one connection for each request. */

import type * as HttpTypes from "node:http";
import { http } from "./http-modules.node.ts";
import * as net from "node:net";
import { DarnerError, errorFromWire, type ErrorWire } from "#base/mod.ts";
import type { LocalHttp, LocalReply } from "./local-http.ts";
import type { Native } from "./native.ts";

const lineBytesMax = 1024 * 1024;
const errorBytesMax = 64 * 1024;
const connectTimeoutMs = 5000;
/** From the request to the head of the answer. */
const headTimeoutMs = 30_000;

/** `loadNative` is called when open files are to be handed over, since loading it costs a start some time. */
export function createNodeLocalHttp(loadNative: () => Promise<Native>): LocalHttp {
  return {
    answers: (socketPath, timeoutMs) =>
      connect(socketPath, timeoutMs).then(
        (socket) => {
          socket.destroy();
          return true;
        },
        () => false,
      ),
    post: (socketPath, path, json, signal) => ask(socketPath, "POST", path, JSON.stringify(json), signal),
    get: (socketPath, path, signal) => ask(socketPath, "GET", path, undefined, signal),
    handsOverDescriptors: async () => (await loadNative()).available,
    async sendDescriptors(socketPath, bytes, descriptors) {
      const native = await loadNative();
      const socket = await connect(socketPath, connectTimeoutMs);
      socket.on("error", () => socket.destroy());
      if (!native.sendDescriptors(socket, bytes, descriptors)) {
        socket.destroy();
        throw unreachable(socketPath, "it does not take open files");
      }
      return { close: () => void socket.destroy() };
    },
  };
}

function unreachable(socketPath: string, says: string, cause?: unknown): DarnerError {
  const next = "start it with: darner daemon, or leave --socket out";
  return new DarnerError("daemon.unreachable", `cannot reach the host daemon at ${socketPath}: ${says}; ${next}`, {
    cause,
  });
}

function gone(cause?: unknown): DarnerError {
  return new DarnerError("daemon.gone", "cannot go on through the host daemon: it ended in mid-transfer; try again", {
    cause,
  });
}

function connect(socketPath: string, timeoutMs: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    const fail = (error: Error): void => {
      socket.destroy();
      reject(unreachable(socketPath, says(error), error));
    };
    const timeout = setTimeout(() => fail(new Error("no answer in time")), timeoutMs);
    socket.once("error", (error) => {
      clearTimeout(timeout);
      fail(error);
    });
    socket.once("connect", () => {
      clearTimeout(timeout);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

function says(error: Error): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return "there is no such socket";
    case "ECONNREFUSED":
      return "nobody listens";
    case "EACCES":
      return "permission denied";
    default:
      return error.message;
  }
}

function ask(
  socketPath: string,
  method: string,
  path: string,
  body: string | undefined,
  signal: AbortSignal,
): Promise<LocalReply> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = http.request({ socketPath, method, path, headers, agent: false, signal });
    const timer = setTimeout(() => request.destroy(new Error("no answer in time")), headTimeoutMs);
    request.on("error", (error) => {
      clearTimeout(timer);
      if (signal.aborted) reject(signal.reason instanceof Error ? signal.reason : gone(error));
      else
        reject(
          ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "")
            ? gone(error)
            : unreachable(socketPath, says(error), error),
        );
    });
    request.on("response", (response) => {
      clearTimeout(timer);
      const reply = new NodeReply(response, signal);
      if (response.statusCode === 200) resolve(reply);
      else refusal(reply, response.statusCode ?? 0).then(reject, reject);
    });
    request.end(body);
  });
}

async function refusal(reply: NodeReply, status: number): Promise<DarnerError> {
  let text = "";
  for await (const chunk of reply.body()) {
    text += Buffer.from(chunk).toString("utf8");
    if (text.length > errorBytesMax) break;
  }
  try {
    return errorFromWire((JSON.parse(text) as { error: ErrorWire }).error);
  } catch (cause) {
    const says = `it answered ${status} without a reason; see whether it is of the same version`;
    return new DarnerError("cluster.protocol", `cannot ask the host daemon: ${says}`, { cause });
  }
}

class NodeReply implements LocalReply {
  readonly #response: HttpTypes.IncomingMessage;
  readonly #signal: AbortSignal;

  constructor(response: HttpTypes.IncomingMessage, signal: AbortSignal) {
    this.#response = response;
    this.#signal = signal;
    // What fails while nobody iterates is met by the next iteration.
    response.on("error", () => undefined);
  }

  async *body(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#response as AsyncIterable<Buffer>) yield chunk;
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      throw gone(error);
    }
    if (!this.#response.complete) throw gone();
  }

  async *lines(): AsyncGenerator {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.body()) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      if (rest.length > lineBytesMax) throw badLine();
      for (const line of parts) if (line !== "") yield parseLine(line);
    }
    if (rest !== "") yield parseLine(rest);
  }

  close(): void {
    this.#response.destroy();
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw badLine();
  }
}

function badLine(): DarnerError {
  return new DarnerError("cluster.protocol", "cannot read the host daemon's answer: a line is no JSON or too long");
}
