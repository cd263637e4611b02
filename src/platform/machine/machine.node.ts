/** The real machine, asked through Node and /proc; what cannot be found out is left open. */

import { http } from "./modules.node.ts";
import * as fs from "node:fs/promises";
import * as net from "node:net";
import { dirname } from "node:path";
import type { Machine, RoleAnswer, RolePlace } from "./machine.ts";

const answerBytesMax = 4096;

export const nodeMachine: Machine = {
  nodeVersion: process.versions.node,
  wallMs: () => Date.now(),
  canListen(address) {
    return new Promise((resolve) => {
      const server = net.createServer();
      server.once("error", (error: NodeJS.ErrnoException) =>
        resolve(error.code === "EADDRINUSE" ? "taken" : { why: error.message }),
      );
      const where = address.kind === "tcp" ? { host: address.host, port: address.port } : { path: address.path };
      server.listen(where, () => server.close(() => resolve("free")));
    });
  },
  askRole,
  async folder(path) {
    let existing = path;
    while (existing !== dirname(existing) && (await fs.stat(existing).catch(() => undefined)) === undefined)
      existing = dirname(existing);
    const stat = await fs.statfs(existing).catch(() => undefined);
    const writable = await fs.access(existing, fs.constants.W_OK | fs.constants.X_OK).then(
      () => true,
      () => false,
    );
    return { freeBytes: stat === undefined ? 0 : stat.bavail * stat.bsize, writable, existing };
  },
  async descriptorLimit() {
    const limits = await fs.readFile("/proc/self/limits", "utf8").catch(() => "");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : Number(soft);
  },
};

function askRole(place: RolePlace, path: string, timeoutMs: number): Promise<RoleAnswer> {
  return new Promise((resolve) => {
    const options = { path, agent: false, signal: AbortSignal.timeout(timeoutMs) };
    const request =
      "socketPath" in place
        ? http.get({ ...options, socketPath: place.socketPath })
        : // A member's port answers for its health in clear too.
          http.get(place.url.replace(/^https:/, "http:"), options);
    request.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.name === "AbortError" ? `no answer within ${timeoutMs / 1000} s` : plainReason(error);
      resolve({ kind: error.code === "ENOENT" ? "missing" : "silent", why });
    });
    request.once("response", (response) => {
      let text = "";
      const told = Date.parse(response.headers.date ?? "");
      const finish = (): void => {
        request.destroy();
        resolve({
          kind: "answered",
          status: response.statusCode ?? 0,
          text: text.slice(0, answerBytesMax),
          isDarner: response.headers.server === "darner",
          wallMs: Number.isNaN(told) ? undefined : told,
        });
      };
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.length > answerBytesMax) finish();
      });
      response.once("end", finish).once("error", finish);
    });
  });
}

function plainReason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "nothing listens there";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "its name cannot be resolved";
    case "ENOENT":
      return "there is no socket";
    case "EACCES":
      return "permission denied";
    default:
      return error.message;
  }
}
