/** `POST /v1/small`: many small objects in one answer, as core/protocol/local.ts describes. */

import { DarnerError } from "#base/mod.ts";
import { smallAsksMax, type SmallAnswer, type SmallAsks, type TaskAsk } from "#core/protocol/mod.ts";
import type { Route, RouteRequest } from "#platform/http-server/server.ts";
import { isTaskAsk } from "../tasks/mod.ts";
import type { SmallObjects } from "./small-objects.ts";

/** Who has small objects: the host daemon. */
interface SmallGiver {
  /** Undefined where there is no cluster. */
  readonly small: SmallObjects | undefined;
  /** Whether the task runs, or is kept, as a large one. */
  has(task: string): boolean;
}

export function smallRoute(daemon: SmallGiver): Route {
  return {
    method: "POST",
    path: "/v1/small",
    doc: `Up to ${smallAsksMax} objects whole, a line of JSON for each; one that is not small has to be asked for by itself.`,
    access: ["read"],
    handle: async (request) => {
      const asks = readAsks(await request.json());
      const { response } = request;
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      await Promise.all(asks.map(async (ask, index) => tell(response, await answer(daemon, ask, index))));
      response.end();
      return undefined;
    },
  };
}

async function answer(daemon: SmallGiver, ask: TaskAsk, index: number): Promise<SmallAnswer> {
  const object = await daemon.small?.get(ask, (task) => daemon.has(task));
  if (object === undefined) return { index };
  const { bytes, digests, lastModified } = object;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  return { index, bytes: text, digests, ...(lastModified === undefined ? {} : { lastModified }) };
}

/** Answers of one turn of the loop leave together. */
function tell(response: RouteRequest["response"], answer: SmallAnswer): void {
  if (response.destroyed) return;
  if (response.writableCorked === 0) {
    response.cork();
    setImmediate(() => response.uncork());
  }
  response.write(`${JSON.stringify(answer)}\n`);
}

/** Throws `cluster.refused`. */
function readAsks(value: unknown): readonly TaskAsk[] {
  const { asks } = (value ?? {}) as Partial<SmallAsks>;
  if (Array.isArray(asks) && asks.length <= smallAsksMax && asks.every(isTaskAsk)) return asks;
  throw new DarnerError("cluster.refused", `cannot read the asks: they are no list of at most ${smallAsksMax}`);
}
