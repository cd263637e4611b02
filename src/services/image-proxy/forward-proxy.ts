/**
 * The same proxy as a forward proxy (HTTP_PROXY, HTTPS_PROXY): for engines that take no mirror for a
 * registry. TLS is looked into only for hosts that were listed, with an authority that the engine was
 * told to trust; everything else is a tunnel, untouched.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import {
  findForwardAction,
  findUpstream,
  isIntercepted,
  readConnectTarget,
  type ForwardRule,
  type UpstreamRule,
} from "#core/image/mod.ts";
import type { Interception } from "#platform/keys/interception.ts";
import type { RequestHandler } from "#platform/http-proxy/proxy-server.ts";
import type { ReachRuleFor } from "#platform/sockets/address-rule.ts";
import type { Relay } from "#platform/http-proxy/relay.ts";
import type { Tunnel } from "#platform/sockets/tunnel.ts";
import type { ImageProxy } from "./image-proxy.ts";
import { answerError } from "./registry-answer.ts";

export interface ForwardSettings {
  readonly upstreams: readonly UpstreamRule[];
  readonly intercepted: readonly string[];
  readonly rules: readonly ForwardRule[];
}

export interface ForwardProxyOptions {
  readonly proxy: ImageProxy;
  readonly relay: Relay;
  readonly tunnel: Tunnel;
  /** Absent: nothing is looked into. */
  readonly interception: Interception | undefined;
  readonly settings: () => ForwardSettings;
  /** Which servers a caller may reach. */
  readonly ruleFor: ReachRuleFor;
  /** Answers the requests on a connection. */
  readonly adopt: (socket: Duplex, request: RequestHandler) => void;
}

export class ForwardProxy {
  readonly #options: ForwardProxyOptions;

  constructor(options: ForwardProxyOptions) {
    this.#options = options;
  }

  connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { interception, tunnel, adopt, settings, ruleFor } = this.#options;
    const target = readConnectTarget(request.url ?? "");
    if (target === undefined) {
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      return;
    }
    const { host, port } = target;
    if (interception === undefined || !isIntercepted(settings().intercepted, host, port))
      return tunnel.open(socket, head, { host, port, rule: ruleFor(request.socket.remoteAddress) });
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    const clear = interception.terminate(socket, head, host);
    const authority = host.includes(":") ? `[${host}]` : host;
    const origin = port === 443 ? `https://${authority}` : `https://${authority}:${port}`;
    adopt(clear, (inner, response) => this.#forward(inner, response, new URL(inner.url ?? "/", origin)));
  }

  /** A request in absolute form: `GET http://HOST/PATH`. */
  plain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? "");
    if (url !== null) return this.#forward(request, response, url);
    answerError(response, 400, "UNSUPPORTED", "the request's URL cannot be read");
    return Promise.resolve();
  }

  async #forward(request: IncomingMessage, response: ServerResponse, asked: URL): Promise<void> {
    const { proxy, settings } = this.#options;
    const { upstreams, rules } = settings();
    const action = findForwardAction(rules, asked.href);
    if (action.kind === "refuse")
      return answerError(response, 403, "DENIED", `a rule of this proxy refuses ${asked.origin}${asked.pathname}`);
    const { authorization } = request.headers;
    const named = findUpstream(
      upstreams.filter(({ name }) => name !== "*"),
      asked.host,
    );
    const own = action.kind === "https" ? asked.origin.replace(/^http:/, "https:") : asked.origin;
    const base = action.kind === "redirect" ? action.base : (named?.base ?? own);
    const target = new URL(asked.pathname + asked.search, base);
    const exchange = { request, response, target, authorization, upstream: { registry: asked.host, base } };
    return await (action.kind === "direct" ? proxy.pass(exchange) : proxy.serve(exchange));
  }
}
