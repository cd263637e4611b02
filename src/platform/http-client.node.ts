/**
 * The real HTTP client, over `node:http` and `node:https`, with kept connections.
 *
 * Two failures are met here and not reported: a kept connection that the other side closed just as
 * it was used again, and a certificate that only the machine's own roots vouch for. Each costs one
 * more attempt, never a third.
 */

import type * as HttpTypes from "node:http";
import type * as HttpsTypes from "node:https";
import { http, https } from "./http-modules.node.ts";
import type { SecureContext } from "node:tls";
import { DarnerError } from "#base/mod.ts";
import {
  httpClientDefaults,
  type HttpClient,
  type HttpClientOptions,
  type HttpReply,
  type HttpRequest,
} from "./http-client.ts";
import { exchange, StaleConnectionError } from "./http-exchange.node.ts";
import { checkCaCertificates, trustContext } from "./trusted-roots.node.ts";

/** Kept connections that nobody uses for so long are closed. */
const keptIdleMs = 15_000;
const keptPerHostMax = 16;

/** Throws `settings.invalid` when a CA certificate cannot be read. */
export function createNodeHttpClient(options: Partial<HttpClientOptions> = {}): HttpClient {
  const settings: HttpClientOptions = { ...httpClientDefaults, ...options };
  checkCaCertificates(settings.caCertificates);
  return new NodeHttpClient(settings);
}

class NodeHttpClient implements HttpClient {
  readonly #settings: HttpClientOptions;
  readonly #plain: HttpTypes.Agent;
  #secure: HttpTypes.Agent | undefined;
  #trustsSystem = false;
  #secureContext: SecureContext | undefined;

  constructor(settings: HttpClientOptions) {
    this.#settings = settings;
    this.#plain = this.#makeAgent("http:", true);
  }

  async get(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    try {
      return await this.#getKeptOrFresh(request, signal);
    } catch (error) {
      if (!(error instanceof DarnerError) || error.code !== "tls.untrusted" || this.#trustsSystem) throw error;
      this.#trustsSystem = true;
      this.#secure?.destroy();
      this.#secure = undefined;
      return await this.#getKeptOrFresh(request, signal);
    }
  }

  close(): void {
    this.#plain.destroy();
    this.#secure?.destroy();
  }

  async #getKeptOrFresh(request: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    try {
      return await exchange(request, this.#keptAgent(request.url), this.#settings, signal);
    } catch (error) {
      if (!(error instanceof StaleConnectionError)) throw error;
      return await exchange(request, this.#makeAgent(request.url.protocol, false), this.#settings, signal);
    }
  }

  #keptAgent(url: URL): HttpTypes.Agent {
    if (url.protocol === "http:") return this.#plain;
    if (this.#secure !== undefined) return this.#secure;
    this.#secureContext = trustContext(this.#settings.caCertificates, this.#trustsSystem);
    this.#secure = this.#makeAgent("https:", true);
    return this.#secure;
  }

  #makeAgent(protocol: string, keepAlive: boolean): HttpTypes.Agent {
    const options: HttpTypes.AgentOptions = {
      keepAlive,
      maxSockets: this.#settings.connectionsPerHostMax,
      maxTotalSockets: this.#settings.connectionsMax,
      maxFreeSockets: keptPerHostMax,
      timeout: keptIdleMs,
      scheduling: "lifo",
    };
    if (protocol === "http:") return new http.Agent(options);
    const secureContext = this.#secureContext;
    // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
    const secureOptions: HttpsTypes.AgentOptions = { ...options, rejectUnauthorized: true };
    return new https.Agent(secureContext === undefined ? secureOptions : { ...secureOptions, secureContext });
  }
}
