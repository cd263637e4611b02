/** The real tunnel, over `node:net`: bytes both ways, untouched, until either side ends or nothing moves. */

import * as net from "node:net";
import { asDarnerError } from "#base/mod.ts";
import { checkUrl, ruledLookup } from "./address-rule.node.ts";
import type { ReachRule } from "./address-rule.ts";
import type { Tunnel } from "./tunnel.ts";

const connectTimeoutMs = 10_000;
const idleMsMax = 10 * 60_000;

export const nodeTunnel: Tunnel = {
  open(socket, head, { host, port, rule }) {
    const refusal = rule === undefined ? null : refusalOf(rule, host, port);
    if (refusal !== null) {
      socket.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n${refusal}\n`);
      return;
    }
    const lookup = rule === undefined ? {} : { lookup: ruledLookup(rule) };
    const far = net.connect({ host, port, timeout: connectTimeoutMs, ...lookup });
    const refuse = (why: string): void => {
      socket.end(`HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${why}\n`);
      far.destroy();
    };
    const cut = (): void => {
      socket.destroy();
      far.destroy();
    };
    const failed = (error: Error): void => refuse(`cannot reach ${host}:${port}: ${error.message}`);
    const late = (): void => refuse(`cannot reach ${host}:${port} within ${connectTimeoutMs} ms`);
    far.once("error", failed).once("timeout", late);
    socket.once("error", cut).once("close", () => far.destroy());
    far.once("connect", () => {
      far.off("error", failed).off("timeout", late);
      far.on("error", cut).setTimeout(idleMsMax, cut);
      far.once("close", () => socket.destroy());
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      if (head.length > 0) far.write(head);
      far.pipe(socket);
      socket.pipe(far);
    });
  },
};

/** What goes through a tunnel is not looked into: it counts as https. */
function refusalOf(rule: ReachRule, host: string, port: number): string | null {
  const authority = host.includes(":") ? `[${host}]` : host;
  try {
    checkUrl(rule, new URL(`https://${authority}:${port}/`), `${authority}:${port}`);
    return null;
  } catch (error) {
    return asDarnerError(error).message;
  }
}
