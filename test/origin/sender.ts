/** Sends an answer's body at its pace, until the script says that something goes wrong. */

import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Head } from "./head.ts";
import { paceOf, type Pace } from "./pace.ts";
import type { ObjectScript } from "./script.ts";

const chunkBytesMax = 64 * 1024;

export interface Sending {
  readonly response: ServerResponse;
  readonly script: ObjectScript;
  readonly head: Head;
  readonly read: (start: number, end: number) => Buffer;
  /** Shared by the whole server. */
  readonly pace: Pace;
  readonly sent: (bytes: number) => void;
}

export async function sendBody(sending: Sending): Promise<void> {
  const { response, script, head, pace } = sending;
  const ownPace = paceOf(script.rateBytesPerSecond ?? Infinity);
  const { start, end } = head.span ?? { start: 0, end: 0 };
  const stopAt = Math.min(end, start + stopAfterBytes(script));
  for (let position = start; position < stopAt;) {
    if (script.held !== undefined && position - start >= script.held.afterBytes) await script.held.until;
    const chunk = sending.read(position, Math.min(position + chunkBytesMax, stopAt));
    await Promise.all([pace.take(chunk.length), ownPace.take(chunk.length)]);
    if (response.destroyed) return;
    sending.sent(chunk.length);
    position += chunk.length;
    if (!response.write(chunk)) await drainedOrClosed(response);
    if (response.destroyed) return;
  }
  finish(response, script, end - start);
}

function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function stopAfterBytes(script: ObjectScript): number {
  return Math.min(
    script.stallAfterBytes ?? Infinity,
    script.resetAfterBytes ?? Infinity,
    script.closeAfterBytes ?? Infinity,
  );
}

function finish(response: ServerResponse, script: ObjectScript, bodyBytes: number): void {
  const reached = (limit: number | undefined) => limit !== undefined && bodyBytes >= limit;
  if (reached(script.stallAfterBytes)) return;
  if (reached(script.resetAfterBytes)) return reset(response);
  if (reached(script.closeAfterBytes)) return void response.socket?.end();
  response.end();
  if (script.lengthHeader === "larger") response.socket?.end();
}

/** RST on TCP; under TLS the connection is cut without a goodbye. What was written goes out first. */
function reset(response: ServerResponse): void {
  const { socket } = response;
  setTimeout(() => {
    if (socket instanceof Socket && !("encrypted" in socket)) socket.resetAndDestroy();
    else socket?.destroy();
  }, 20);
}
