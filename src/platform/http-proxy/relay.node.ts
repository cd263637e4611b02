/** The real relay, over `node:http` and `node:https`, with kept connections and verified certificates. */

import type * as HttpTypes from "node:http";
import { pipeline } from "node:stream/promises";
import { DarnerError } from "#base/mod.ts";
import { AddressRefused, checkUrl, reachRefused, ruledLookup } from "../sockets/address-rule.node.ts";
import type { ReachRule, ReachRuleFor } from "../sockets/address-rule.ts";
import { http, https } from "../machine/modules.node.ts";
import { networkError } from "../sockets/network-error.ts";
import { patience } from "../machine/patience.node.ts";
import type { Relay, RelayTarget } from "./relay.ts";
import { trustContext } from "../keys/trusted-roots.node.ts";

export interface RelayOptions {
  /** For the connection and the answer's head, once the request's body has left. */
  readonly answerTimeoutMs: number;
  readonly connectionsMax: number;
  /** Which servers a caller may reach; absent: all. */
  readonly ruleFor?: ReachRuleFor;
}

const defaults: RelayOptions = { answerTimeoutMs: 30_000, connectionsMax: 256 };
const keptIdleMs = 15_000;

/** Of one connection only (RFC 9110, 7.6.1). */
const hopByHop = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function createNodeRelay(options: Partial<RelayOptions> = {}): Relay {
  const settings = { ...defaults, ...options };
  /** Connections are kept for callers under the same rule alone. */
  const agents = new Map<ReachRule | undefined, Map<string, HttpTypes.Agent>>();
  const agentFor = (rule: ReachRule | undefined, protocol: string): HttpTypes.Agent => {
    const own = agents.get(rule) ?? new Map<string, HttpTypes.Agent>();
    agents.set(rule, own);
    const agent = own.get(protocol) ?? newAgent(protocol, rule, settings);
    own.set(protocol, agent);
    return agent;
  };
  return {
    async pass(request, response, target) {
      const rule = settings.ruleFor?.(request.socket.remoteAddress);
      if (rule !== undefined) checkUrl(rule, target.url, target.name);
      await pass(request, response, target, agentFor(rule, target.url.protocol), settings);
    },
    close() {
      for (const own of agents.values()) for (const agent of own.values()) agent.destroy();
    },
  };
}

function newAgent(protocol: string, rule: ReachRule | undefined, settings: RelayOptions): HttpTypes.Agent {
  const options: HttpTypes.AgentOptions = {
    keepAlive: true,
    maxTotalSockets: settings.connectionsMax,
    timeout: keptIdleMs,
    ...(rule === undefined ? {} : { lookup: ruledLookup(rule) }),
  };
  if (protocol !== "https:") return new http.Agent(options);
  return new (https().Agent)({ ...options, rejectUnauthorized: true, secureContext: trustContext([], true)! });
}

async function pass(
  request: HttpTypes.IncomingMessage,
  response: HttpTypes.ServerResponse,
  target: RelayTarget,
  agent: HttpTypes.Agent,
  settings: RelayOptions,
): Promise<void> {
  const outgoing = (target.url.protocol === "https:" ? https() : http).request(target.url, {
    method: request.method ?? "GET",
    agent,
    headers: headersFor(request, target),
  });
  const gone = (): void => void outgoing.destroy();
  response.once("close", gone);
  try {
    const answer = await answerTo(outgoing, request, target.name, settings.answerTimeoutMs);
    const status = answer.statusCode ?? 502;
    response.writeHead(target.statuses?.[status] ?? status, endToEnd(answer.rawHeaders));
    // Broken off there means broken off here: the client sees it and may come back.
    await pipeline(answer, response).catch(() => void response.destroy());
  } finally {
    response.off("close", gone);
  }
}

function answerTo(
  outgoing: HttpTypes.ClientRequest,
  request: HttpTypes.IncomingMessage,
  name: string,
  timeoutMs: number,
): Promise<HttpTypes.IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Counted from the last byte of the request's body: an upload may take its time.
    let waiting = patience(timeoutMs, tooLong);
    function tooLong(): void {
      const says = `no answer within ${timeoutMs} ms`;
      outgoing.destroy(new DarnerError("network.timeout", `cannot pass on to ${name}: ${says}`, { retry: "now" }));
    }
    request.on("data", () => {
      waiting.end();
      waiting = patience(timeoutMs, tooLong);
    });
    outgoing.once("response", (answer) => {
      waiting.end();
      resolve(answer);
    });
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      waiting.end();
      if (error instanceof AddressRefused) return reject(reachRefused(name, error.message));
      reject(error instanceof DarnerError ? error : networkError(error, `pass on to ${name}`));
    });
    request.pipe(outgoing);
  });
}

function headersFor(request: HttpTypes.IncomingMessage, { url, headers = {} }: RelayTarget): string[] {
  const passed: string[] = ["host", url.host];
  const raw = request.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    // A body of unknown length stays one; Node frames it anew.
    if (hopByHop.has(name) || name in headers) continue;
    passed.push(raw[index]!, raw[index + 1]!);
  }
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) passed.push(name, value);
  if (request.headers["transfer-encoding"] !== undefined) passed.push("transfer-encoding", "chunked");
  return passed;
}

function endToEnd(raw: readonly string[]): string[] {
  const passed: string[] = [];
  for (let index = 0; index < raw.length; index += 2)
    if (!hopByHop.has(raw[index]!.toLowerCase())) passed.push(raw[index]!, raw[index + 1]!);
  return passed;
}
