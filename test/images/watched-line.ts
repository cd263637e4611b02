/** A line to a proxy that passes everything on, and knows the longest time that nothing moved on it. */

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class WatchedLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #movedMs: number | undefined;
  /** The longest, between two bytes that moved. */
  silentMs = 0;

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("data", () => this.#moved()).on("error", () => to.destroy());
        from.on("close", () => (this.#sockets.delete(from), to.destroy()));
        from.pipe(to);
      }
    });
  }

  static async to(port: number): Promise<WatchedLine> {
    const line = new WatchedLine(port);
    line.#server.listen(0, "127.0.0.1");
    await once(line.#server, "listening");
    return line;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Counts anew. */
  reset(): void {
    this.silentMs = 0;
    this.#movedMs = undefined;
  }

  end(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #moved(): void {
    const nowMs = performance.now();
    if (this.#movedMs !== undefined) this.silentMs = Math.max(this.silentMs, nowMs - this.#movedMs);
    this.#movedMs = nowMs;
  }
}
