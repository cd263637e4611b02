/**
 * HTTP/1.1 on a unix socket, one connection for each request, over `node:net` alone: loading node:http
 * costs more than a whole request, and every start of dfget would pay for it.
 */

import * as net from "node:net";
import { DarnerError, errorFromWire, type ErrorWire } from "#base/mod.ts";
import { HttpAnswer } from "./answer.node.ts";
import type { LocalHttp, LocalReply } from "./local.ts";
import type { Native } from "../native/calls.ts";

const lineBytesMax = 1024 * 1024;
const errorBytesMax = 64 * 1024;
const connectTimeoutMs = 5000;
/** From the request to the head of the answer. */
const headTimeoutMs = 30_000;

/** `loadNative` is called when open files are to be handed over, since loading it costs a start some time. */
export function createNodeLocalHttp(loadNative: () => Promise<Native>, headMs = headTimeoutMs): LocalHttp {
  return {
    silence: (socketPath, timeoutMs) =>
      connect(socketPath, timeoutMs).then(
        (socket) => void socket.destroy(),
        ({ cause }: DarnerError) => {
          const isEmpty = ["ENOENT", "ECONNREFUSED"].includes((cause as NodeJS.ErrnoException).code ?? "");
          return { says: says(cause as Error), isEmpty };
        },
      ),
    post: (socketPath, path, json, signal) => ask(socketPath, "POST", path, JSON.stringify(json), signal, headMs),
    get: (socketPath, path, signal) => ask(socketPath, "GET", path, undefined, signal, headMs),
    handsOverDescriptors: async () => (await loadNative()).available,
    async sendDescriptors(socketPath, bytes, descriptors) {
      const native = await loadNative();
      const socket = await connect(socketPath, connectTimeoutMs);
      socket.on("error", () => socket.destroy());
      // The request that names them must not overtake them: the daemon says when it has them.
      const kept = new Promise<boolean>((resolve) =>
        socket.once("data", () => resolve(true)).once("close", () => resolve(false)),
      );
      const timer = setTimeout(() => socket.destroy(), connectTimeoutMs);
      const taken = native.sendDescriptors(socket, bytes, descriptors) && (await kept);
      clearTimeout(timer);
      if (!taken) {
        socket.destroy();
        throw unreachable(socketPath, "it does not take open files");
      }
      return { close: () => void socket.destroy() };
    },
  };
}

/** `silent`: it is there, and may do later what it was asked. */
function unreachable(socketPath: string, says: string, cause?: unknown, facts: { silent?: true } = {}): DarnerError {
  const next = "start it with: darner daemon, or leave --socket out";
  return new DarnerError("daemon.unreachable", `cannot reach the host daemon at ${socketPath}: ${says}; ${next}`, {
    cause,
    facts,
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
      return "permission denied, it is for its owner and the members of its group";
    default:
      return error.message;
  }
}

async function ask(
  socketPath: string,
  method: string,
  path: string,
  body: string | undefined,
  signal: AbortSignal,
  headMs: number,
): Promise<LocalReply> {
  signal.throwIfAborted();
  const socket = await connect(socketPath, connectTimeoutMs);
  // Whoever waits for the answer meets the error there.
  socket.on("error", () => undefined);
  const abort = (): void => void socket.destroy(new Error("aborted"));
  signal.addEventListener("abort", abort);
  socket.once("close", () => signal.removeEventListener("abort", abort));
  const timer = setTimeout(() => socket.destroy(new Error("no answer in time")), headMs);
  try {
    if (signal.aborted) abort();
    const about =
      body === undefined ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${about}\r\n${body ?? ""}`);
    const answer = await HttpAnswer.read(socket);
    const reply = new NodeReply(socket, answer, signal);
    if (answer.status === 200) return reply;
    throw await refusal(reply, answer.status);
  } catch (error) {
    socket.destroy();
    if (error instanceof DarnerError) throw error;
    if (signal.aborted) throw signal.reason;
    if (error instanceof Error && error.message === "no answer in time")
      throw unreachable(socketPath, error.message, error, { silent: true });
    throw gone(error);
  } finally {
    clearTimeout(timer);
  }
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
  readonly #socket: net.Socket;
  readonly #answer: HttpAnswer;
  readonly #signal: AbortSignal;

  constructor(socket: net.Socket, answer: HttpAnswer, signal: AbortSignal) {
    this.#socket = socket;
    this.#answer = answer;
    this.#signal = signal;
  }

  async *body(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#answer.body();
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      throw gone(error);
    }
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
    this.#socket.destroy();
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
