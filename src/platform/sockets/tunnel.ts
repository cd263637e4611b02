/** A tunnel to another server, for what a proxy does not look into. */

import type { Duplex } from "node:stream";
import type { ReachRule } from "./address-rule.ts";

export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
  /** Which servers the client may reach; undefined: all. */
  readonly rule: ReachRule | undefined;
}

export interface Tunnel {
  /** Joins the client's connection with the target, and answers its CONNECT: 200, or 403 or 502 with why not. */
  open(socket: Duplex, head: Buffer, target: TunnelTarget): void;
}
