/**
 * Opening an address. A socket file that a killed process left behind is recognised by connecting
 * to it: refused means nobody is there, and it is replaced; an answer means the address is taken.
 */

import * as fs from "node:fs/promises";
import * as net from "node:net";
import { DarnerError } from "#base/mod.ts";
import type { ListenAddress } from "../machine/listen-address.ts";

/** sockaddr_un has room for 108 bytes, the last one a zero. */
const unixPathBytesMax = 107;
const probeTimeoutMs = 1000;

/** Throws `port.taken` or `listen.failed`; the port of the result is the real one. */
export async function listenOn(server: net.Server, address: ListenAddress): Promise<ListenAddress> {
  if (address.kind === "unix") return listenUnix(server, address);
  try {
    await bind(server, { host: address.host, port: address.port });
  } catch (error) {
    throw listenError(error, `${bracketed(address.host)}:${address.port}`, "--listen HOST:PORT");
  }
  const bound = server.address() as net.AddressInfo;
  return { kind: "tcp", host: address.host, port: bound.port };
}

async function listenUnix(server: net.Server, address: ListenAddress & { kind: "unix" }): Promise<ListenAddress> {
  const { path, permissions } = address;
  const length = Buffer.byteLength(path);
  if (length > unixPathBytesMax) {
    const why = `a socket's path has at most ${unixPathBytesMax} bytes, this has ${length}; choose a shorter one with --socket`;
    throw new DarnerError("listen.failed", `cannot listen on ${path}: ${why}`);
  }
  try {
    await bind(server, { path }).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") throw error;
      const there = await whatIsAt(path);
      if (there === "no socket")
        throw new DarnerError("listen.failed", `cannot listen on ${path}: a file is there that is no socket`);
      if (there === "taken") throw error;
      await fs.rm(path, { force: true });
      await bind(server, { path });
    });
    await fs.chmod(path, permissions);
  } catch (error) {
    if (server.listening) server.close();
    throw listenError(error, path, "--socket PATH");
  }
  return address;
}

function bind(server: net.Server, where: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...where, backlog: 1024 }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

/** `left behind` is a socket file that nobody listens on; only that may be removed. */
async function whatIsAt(path: string): Promise<"left behind" | "taken" | "no socket"> {
  const stat = await fs.lstat(path).catch(() => undefined);
  if (stat === undefined) return "left behind";
  if (!stat.isSocket()) return "no socket";
  return new Promise((resolve) => {
    const probe = net.connect({ path });
    const done = (found: "left behind" | "taken"): void => {
      probe.destroy();
      resolve(found);
    };
    probe.setTimeout(probeTimeoutMs, () => done("taken"));
    probe.once("connect", () => done("taken"));
    probe.once("error", (error: NodeJS.ErrnoException) =>
      done(error.code === "ECONNREFUSED" || error.code === "ENOENT" ? "left behind" : "taken"),
    );
  });
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function listenError(error: unknown, where: string, flag: string): DarnerError {
  if (error instanceof DarnerError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  const options = { facts: { address: where, errno: code }, cause: error };
  if (code === "EADDRINUSE") {
    const next = `stop it, or choose another address with ${flag}`;
    return new DarnerError(
      "port.taken",
      `cannot listen on ${where}: another process listens there already; ${next}`,
      options,
    );
  }
  return new DarnerError(
    "listen.failed",
    `cannot listen on ${where}: ${reason(code, error)}; choose another with ${flag}`,
    options,
  );
}

function reason(code: string, error: unknown): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "permission denied (ports below 1024 need root)";
    case "EADDRNOTAVAIL":
      return "no interface of this machine has this address";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name cannot be resolved";
    case "ENOENT":
      return "its directory does not exist";
    default:
      return (error as Error).message;
  }
}
