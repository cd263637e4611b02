/** The client's side of the descriptor inbox: connect, send one message, wait for the byte that says it is kept. */

import * as net from "node:net";
import { assert, DarnerError } from "#base/mod.ts";
import { type SendToInbox, tokenBytesMax } from "./descriptor-inbox.ts";
import type { Native } from "../native/calls.ts";

const answerTimeoutMs = 5000;

export function inboxSender(native: Native, timeoutMs: number = answerTimeoutMs): SendToInbox {
  return async (path, token, descriptors) => {
    const bytes = Buffer.from(token, "latin1");
    assert(/^[\x21-\x7e]+$/.test(token) && bytes.length <= tokenBytesMax, "a token is 1 to 128 printable characters");
    assert(descriptors.length > 0, "there are descriptors to hand over");
    if (!native.available) throw unreachable(path, "this Node cannot pass descriptors");
    await new Promise<void>((resolve, reject) => {
      const socket = net.connect(path);
      const fail = (why: string, cause?: unknown): void => {
        reject(unreachable(path, why, cause));
        socket.destroy();
      };
      const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
      socket.once("connect", () => {
        if (!native.sendDescriptors(socket, bytes, descriptors)) fail("the system did not take the message");
      });
      socket.once("data", () => {
        resolve();
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
      socket.once("close", () => {
        clearTimeout(timer);
        fail("it closed the connection without taking them");
      });
    });
  };
}

function unreachable(path: string, why: string, cause?: unknown): DarnerError {
  const next = "read the object from the daemon's socket instead";
  return new DarnerError("daemon.unreachable", `cannot hand the output to the daemon at ${path}: ${why}; ${next}`, {
    facts: { path },
    cause,
  });
}
