/**
 * Requests of container engines, answered. Content by digest goes through the swarm, a tag is asked
 * of its registry once per cluster and time to live; everything else is passed on untouched, and so is
 * what the swarm cannot give: the client then gets the registry's own answer.
 *
 * Invariants:
 *  1. Nothing is given to a client whose own credential has not been shown to be good for it.
 *  2. A client's credential goes to the registry that it names, and to no other.
 *  3. The last byte of a whole blob is sent only when its digest is proved.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { asDarnerError, type DarnerError } from "#base/mod.ts";
import {
  findUpstream,
  mirrorTarget,
  readRegistryPath,
  type MirrorTarget,
  type Upstream,
  type UpstreamRule,
} from "#core/image/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { CheckServer } from "#platform/sockets/address-rule.ts";
import type { Relay } from "#platform/http-proxy/relay.ts";
import type { ImageHost } from "./image-host.ts";
import { Pulls, type Way } from "./pulls.ts";
import { answerError } from "./registry-answer.ts";
import { TokenDesk, tokenPath, unpack } from "./token-desk.ts";

export interface ImageProxySettings {
  readonly upstreams: readonly UpstreamRule[];
  /** Meant by who names none, as Docker does. */
  readonly defaultRegistry: string;
  readonly tagTtlMs: number;
}

export interface ImageProxyOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly host: ImageHost;
  readonly relay: Relay;
  readonly checkServer: CheckServer;
  readonly settings: () => ImageProxySettings;
}

/** One request, and the registry that it is for. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: Upstream;
  /** At the registry, with its query. */
  readonly target: URL;
  /** The client's own, for this registry. */
  readonly authorization: string | undefined;
}

export class ImageProxy {
  readonly #options: ImageProxyOptions;
  readonly #pulls: Pulls;
  readonly #desk: TokenDesk;
  readonly #answers: Record<Way, number> = { swarm: 0, memory: 0, look: 0, upstream: 0, failed: 0 };

  constructor(options: ImageProxyOptions) {
    this.#options = options;
    this.#pulls = new Pulls({ ...options, tagTtlMs: () => options.settings().tagTtlMs });
    this.#desk = new TokenDesk({
      ...options,
      find: (path) => {
        const { upstream, path: own } = this.#find(path, new URLSearchParams());
        return upstream === undefined ? undefined : { upstream, path: own };
      },
    });
    options.metrics.gauge(
      "darner_image_answers",
      "requests of engines by what answered them",
      () => Object.entries(this.#answers).map(([way, value]) => ({ labels: { way }, value })),
      ["way"],
    );
  }

  /** A request to the proxy as a mirror: its address is the proxy's own. Never rejects. */
  async mirror(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = new URL(request.url ?? "/", "http://proxy");
    if (asked.pathname === tokenPath) return await this.#desk.answer(request, response);
    // A mirror's base is asked before anything says which registry is meant.
    const isBase = readRegistryPath(asked.pathname).kind === "base" && !asked.searchParams.has("ns");
    if (isBase && request.headers.authorization === undefined) return this.#desk.challenge(request, response);
    if (isBase) return answerBase(response);
    const meant = this.#find(asked.pathname, asked.searchParams);
    if (meant.upstream === undefined) {
      const says = `no rule lets the registry "${meant.registry.slice(0, 200)}" through; allow it with --proxy-upstream`;
      return answerError(response, 404, "NAME_UNKNOWN", says);
    }
    const { upstream, path } = meant;
    asked.searchParams.delete("ns");
    const target = new URL(path + asked.search, upstream.base);
    const authorization = unpack(request.headers.authorization, upstream.registry);
    return await this.serve({ request, response, upstream, target, authorization });
  }

  #find(path: string, query: URLSearchParams): MirrorTarget & { readonly upstream: Upstream | undefined } {
    const { upstreams, defaultRegistry } = this.#options.settings();
    const find = (registry: string): Upstream | undefined => findUpstream(upstreams, registry);
    const meant = mirrorTarget(path, query, defaultRegistry, (name) => find(name) !== undefined);
    return { ...meant, upstream: find(meant.registry) };
  }

  /** A request for a registry, whichever way it came. Never rejects. */
  async serve(exchange: Exchange): Promise<void> {
    if (this.#pulls.again(exchange)) return void this.#answers.memory++;
    try {
      await this.#options.checkServer(exchange.request.socket.remoteAddress, exchange.target);
      const way = await this.#pulls.answer(exchange);
      if (way === undefined) return await this.pass(exchange);
      this.#answers[way]++;
    } catch (error) {
      this.#failed(exchange, asDarnerError(error));
    }
  }

  /** Passes it on untouched, with the client's own credential for that registry. Never rejects. */
  async pass(exchange: Exchange): Promise<void> {
    const { request, response, target, authorization } = exchange;
    try {
      const headers = { authorization };
      // containerd answers a 429 with half a dozen requests at once, whatever Retry-After says.
      const hasty = request.headers["user-agent"]?.startsWith("containerd/") === true;
      const statuses = hasty ? { statuses: { 429: 503 } } : {};
      await this.#options.relay.pass(request, response, { url: target, name: nameOf(target), headers, ...statuses });
      this.#answers.upstream++;
    } catch (error) {
      this.#failed(exchange, asDarnerError(error));
    }
  }

  #failed({ response, target }: Exchange, error: DarnerError): void {
    this.#answers.failed++;
    this.#options.log.warn("image.failed", { url: nameOf(target), code: error.code, message: error.message });
    // An answer under way cannot take its status back; cutting it is the only sign left.
    if (response.headersSent) response.destroy();
    else answerError(response, 502, "UNKNOWN", error.message);
  }
}

function answerBase(response: ServerResponse): void {
  const version = { "docker-distribution-api-version": "registry/2.0", "server": "darner" };
  const headers = { ...version, "content-type": "application/json" };
  response.writeHead(200, { ...headers, "content-length": 2 }).end("{}");
}

function nameOf(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
