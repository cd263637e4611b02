/** A tunnel to another server, for what a proxy does not look into. */

import type { Duplex } from "node:stream";

export interface Tunnel {
  /** Joins the client's connection with `host:port`, and answers its CONNECT: 200, or 502 with why not. */
  open(socket: Duplex, head: Buffer, host: string, port: number): void;
}
