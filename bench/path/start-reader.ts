/** Starts reader.ts as a process of its own, so that its CPU is not the server's. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ReaderOrders } from "./reader.ts";

export interface ReaderDone {
  readonly bytes: number;
  readonly seconds: number;
}

export function startReader(orders: ReaderOrders, core?: number): { readonly done: Promise<ReaderDone>; stop(): void } {
  const node = [process.execPath, `${import.meta.dirname}/reader.ts`, JSON.stringify(orders)];
  const [program, ...flags] = core === undefined ? node : ["taskset", "-c", String(core), ...node];
  const child = spawn(program!, flags, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const done = Promise.race([
    once(child, "message").then(([message]) => message as ReaderDone),
    once(child, "exit").then(([status]) => {
      throw new Error(`a reader ended with status ${status}`);
    }),
  ]);
  done.catch(() => undefined);
  return { done, stop: () => void child.kill() };
}
