/** Ending a client's TLS in the name of another server, for clients that were told to trust who does it. */

import type { Duplex } from "node:stream";

export interface Interception {
  /** PEM: what clients are to trust. */
  readonly authority: string;
  /** The clear side of a connection whose client begins TLS with `host`; `head` came already. */
  terminate(socket: Duplex, head: Buffer, host: string): Duplex;
}
