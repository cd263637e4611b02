/**
 * A socket for node:http whose bytes can be taken past it. Heads go to node:http as ever; from the
 * moment somebody takes the route, every byte is read by the kernel straight into the taker's buffers.
 * node:http then waits for the rest of its message until the socket ends, which the taker sees to.
 */

import * as net from "node:net";
import { assert } from "#base/mod.ts";

/** State must be final before `filled` returns: the next buffer is asked for at once, even when it said no. */
export interface Taker {
  /** Never empty. */
  nextBuffer(): Uint8Array;
  /** These bytes came, into the last buffer or, once, into one from before; false: no more until the socket resumes. */
  filled(bytes: Uint8Array): boolean;
}

const headReadBytes = 64 * 1024;
const routes = new WeakMap<net.Socket, { taker: Taker | undefined }>();

/** Like net.connect. */
export function connectRouted(options: net.NetConnectOpts): net.Socket {
  const route: { taker: Taker | undefined } = { taker: undefined };
  let head: Buffer | undefined;
  const socket = net.connect({
    ...options,
    onread: {
      buffer: () => route.taker?.nextBuffer() ?? (head ??= Buffer.allocUnsafeSlow(headReadBytes)),
      callback(count, buffer) {
        const bytes = (buffer as Buffer).subarray(0, count);
        if (route.taker !== undefined) return route.taker.filled(bytes);
        // The parser keeps views of what it is given.
        socket.emit("data", Buffer.from(bytes));
        return true;
      },
    },
  } as net.NetConnectOpts);
  routes.set(socket, route);
  return socket;
}

/** Whether the bytes of this socket can be taken. */
export function isRouted(socket: net.Socket): boolean {
  return routes.has(socket);
}

/** All that comes from now on is the taker's. */
export function takeRoute(socket: net.Socket, taker: Taker): void {
  const route = routes.get(socket);
  assert(route !== undefined && route.taker === undefined, "a route is taken once");
  route.taker = taker;
}
