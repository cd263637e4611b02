/** Dials a role's port and upgrades, with one read buffer for all connections of this process. */

import { connect, type Socket } from "node:net";

const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
const headBytesMax = 4096;

export interface UpgradeTarget {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** One address of 127.0.0.0/8: each has ports of its own. */
  readonly localAddress: string;
}

/** Resolves once upgraded; `onBytes` gets every byte after that, valid until it returns. */
export function upgraded(target: UpgradeTarget, onBytes: (bytes: Buffer) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let head: string | undefined = "";
    const socket = connect({
      host: "127.0.0.1",
      port: target.port,
      localAddress: target.localAddress,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback(count, buffer) {
          const bytes = (buffer as Buffer).subarray(0, count);
          if (head === undefined) onBytes(bytes);
          else answered(bytes);
          return true;
        },
      },
    });
    const answered = (bytes: Buffer): void => {
      head += bytes.toString("latin1");
      const end = head!.indexOf("\r\n\r\n");
      if (end < 0 && head!.length < headBytesMax) return;
      if (!head!.startsWith("HTTP/1.1 101 ")) {
        reject(new Error(`the manager answered ${head!.split("\r\n", 1)[0]}`));
        socket.destroy();
        return;
      }
      const rest = Buffer.from(head!.slice(end + 4), "latin1");
      head = undefined;
      resolve(socket);
      if (rest.length > 0) queueMicrotask(() => onBytes(rest));
    };
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the manager closed the connection")));
    const lines = Object.entries({ "Darner-Version": "1.0", ...target.headers }).map(
      (pair) => `${pair.join(": ")}\r\n`,
    );
    socket.write(
      `GET ${target.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: darner\r\n${lines.join("")}\r\n`,
    );
  });
}
