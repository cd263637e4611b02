/**
 * The real HTTP client, over `node:http` and `node:https`, with kept connections.
 *
 * Two failures are met here and not reported: a kept connection that the other side closed just as
 * it was used again, and a certificate that only the machine's own roots vouch for. Each costs one
 * more attempt, never a third.
 */

import type * as HttpTypes from "node:http";
import type * as HttpsTypes from "node:https";
import { http, https } from "../machine/modules.node.ts";
import type { NetConnectOpts } from "node:net";
import type { SecureContext } from "node:tls";
import { assert, DarnerError } from "#base/mod.ts";
import { checkLiteralAddress, ruledLookup } from "../sockets/address-rule.node.ts";
import {
  httpClientDefaults,
  type HttpClient,
  type HttpClientOptions,
  type HttpReply,
  type HttpRequest,
} from "./client.ts";
import type { AddressRule } from "../sockets/address-rule.ts";
import { exchange, StaleConnectionError } from "./exchange.node.ts";
import { connectRouted } from "./routed-socket.node.ts";
import { checkCaCertificates, trustContext } from "../keys/trusted-roots.node.ts";

/** Kept connections that nobody uses for so long are closed. */
const keptIdleMs = 15_000;

/** Throws `settings.invalid` when a CA certificate cannot be read. */
export function createNodeHttpClient(options: Partial<HttpClientOptions> = {}): HttpClient {
  const settings: HttpClientOptions = { ...httpClientDefaults, ...options };
  checkCaCertificates(settings.caCertificates);
  return new NodeHttpClient(settings);
}

/** Rules come from the policy's few kinds of callers. */
const rulesMax = 16;

interface KeptAgents {
  plain: HttpTypes.Agent | undefined;
  secure: HttpTypes.Agent | undefined;
}

class NodeHttpClient implements HttpClient {
  readonly #settings: HttpClientOptions;
  /** For each address rule, connections that were made under it. */
  readonly #kept = new Map<AddressRule | undefined, KeptAgents>();
  #trustsSystem = false;
  /** Made with the first secure agent; its parts are dear. */
  #trust: { readonly context: SecureContext | undefined } | undefined;

  constructor(settings: HttpClientOptions) {
    this.#settings = settings;
  }

  async get(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    if (request.addressRule !== undefined) checkLiteralAddress(request.addressRule, request.url, request.name);
    try {
      return await this.#getKeptOrFresh(request, signal);
    } catch (error) {
      if (!(error instanceof DarnerError) || error.code !== "tls.untrusted" || this.#trustsSystem) throw error;
      this.#trustsSystem = true;
      this.#trust = undefined;
      for (const agents of this.#kept.values()) {
        agents.secure?.destroy();
        agents.secure = undefined;
      }
      return await this.#getKeptOrFresh(request, signal);
    }
  }

  close(): void {
    for (const { plain, secure } of this.#kept.values()) {
      plain?.destroy();
      secure?.destroy();
    }
  }

  async #getKeptOrFresh(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    try {
      return await exchange(request, this.#keptAgent(request), this.#settings, signal);
    } catch (error) {
      if (!(error instanceof StaleConnectionError)) throw error;
      return await exchange(request, this.#makeAgent(request, false), this.#settings, signal);
    }
  }

  #keptAgent(request: HttpRequest): HttpTypes.Agent {
    const { addressRule, url } = request;
    let agents = this.#kept.get(addressRule);
    if (agents === undefined) {
      assert(this.#kept.size < rulesMax, "address rules are few and long-lived");
      agents = { plain: undefined, secure: undefined };
      this.#kept.set(addressRule, agents);
    }
    if (url.protocol === "http:") return (agents.plain ??= this.#makeAgent(request, true));
    return (agents.secure ??= this.#makeAgent(request, true));
  }

  #makeAgent({ url, addressRule }: HttpRequest, keepAlive: boolean): HttpTypes.Agent {
    const options: HttpTypes.AgentOptions = {
      keepAlive,
      maxSockets: this.#settings.connectionsPerHostMax,
      maxTotalSockets: this.#settings.connectionsMax,
      // With fewer a list of small objects would end and open connections all the time.
      maxFreeSockets: this.#settings.connectionsPerHostMax,
      timeout: keptIdleMs,
      scheduling: "lifo",
      ...(addressRule === undefined ? {} : { lookup: ruledLookup(addressRule) }),
    };
    if (url.protocol === "http:") {
      const agent = new http.Agent(options);
      agent.createConnection = (to) => connectRouted(to as NetConnectOpts);
      return agent;
    }
    this.#trust ??= { context: trustContext(this.#settings.caCertificates, this.#trustsSystem) };
    const secureContext = this.#trust.context;
    // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
    const secureOptions: HttpsTypes.AgentOptions = { ...options, rejectUnauthorized: true };
    return new (https().Agent)(secureContext === undefined ? secureOptions : { ...secureOptions, secureContext });
  }
}
