/** Starts the host daemon's image proxy on the real platform. */

import { existsSync, readFileSync } from "node:fs";
import { DarnerError } from "#base/mod.ts";
import { ImageContent, type HostDaemon } from "#services/host-daemon/mod.ts";
import { ForwardProxy, ImageProxy } from "#services/image-proxy/mod.ts";
import type { Origin } from "#origins/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { createInterception, newInterceptionAuthority } from "#platform/keys/interception.node.ts";
import type { Interception } from "#platform/keys/interception.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { createNodeProxyServer } from "#platform/http-proxy/proxy-server.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { createNodeRelay } from "#platform/http-proxy/relay.node.ts";
import { serverCheck } from "#platform/sockets/server-check.node.ts";
import { newSigningKey, signingKeyFromPem } from "#platform/keys/signing.ts";
import { nodeTunnel } from "#platform/sockets/tunnel.node.ts";
import { isLoopbackHost, reachPolicyOf, type hostDaemonSettings, type Resolved } from "#settings/mod.ts";
import { httpUrl } from "./address.ts";
import type { LiveSettings } from "./live-settings.ts";
import { reachRules } from "./reach-rules.ts";
import { writeWholeFile } from "./whole-file.ts";

export interface ImageProxyParts {
  readonly daemon: HostDaemon;
  /** Where the proxy keeps the authority for hosts that it looks into. */
  readonly directory: string;
  readonly origin: Origin;
  readonly live: LiveSettings<typeof hostDaemonSettings.settings>;
  readonly resolved: Resolved<typeof hostDaemonSettings.settings>;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface StartedProxy {
  readonly url: string;
  stop(graceMs: number): Promise<void>;
}

/** Undefined when it is off, or when its usual port belongs to another daemon of this machine. */
export async function startImageProxy(parts: ImageProxyParts): Promise<StartedProxy | undefined> {
  const { daemon, origin, live, resolved, log, metrics } = parts;
  const listen = resolved.values.proxyListen;
  if (listen === "off") return undefined;
  const ruleFor = reachRules(() => reachPolicyOf(live.values));
  const relay = createNodeRelay({ ruleFor });
  const proxy = new ImageProxy({
    clock: nodeClock,
    log,
    metrics,
    host: new ImageContent({
      daemon,
      origin,
      clock: nodeClock,
      originBudgetBytesPerSecond: () => live.values.originBudgetBytesPerSecond,
    }),
    relay,
    checkServer: serverCheck(ruleFor),
    settings: () => {
      const { proxyUpstreams, proxyDefaultRegistry, proxyTagTtlMs } = live.values;
      return { upstreams: proxyUpstreams, defaultRegistry: proxyDefaultRegistry, tagTtlMs: proxyTagTtlMs };
    },
  });
  const forward = new ForwardProxy({
    proxy,
    relay,
    tunnel: nodeTunnel,
    ruleFor,
    interception: live.values.proxyIntercept.length > 0 ? interceptionIn(parts.directory) : undefined,
    settings: () => {
      const { proxyUpstreams, proxyIntercept, proxyRules } = live.values;
      return { upstreams: proxyUpstreams, intercepted: proxyIntercept, rules: proxyRules };
    },
    adopt: (socket, request) => server.adopt(socket, request),
  });
  const server = createNodeProxyServer({
    request: async (request, response) => {
      if (request.url?.startsWith("/") !== true) return await forward.plain(request, response);
      // A page whose name was pointed at loopback (DNS rebinding) asks under that name.
      const asked = URL.parse(`http://${request.headers.host ?? listen.host}`)?.hostname ?? "";
      if (isLoopbackHost(listen.host) && !isLoopbackHost(asked)) return void response.writeHead(403).end();
      return await proxy.mirror(request, response);
    },
    connect: (request, socket, head) => forward.connect(request, socket, head),
  });
  try {
    const bound = await server.listen(listen);
    const port = bound.kind === "tcp" ? bound.port : listen.port;
    return {
      url: httpUrl(listen.host, port),
      async stop(graceMs) {
        await server.close(graceMs);
        relay.close();
      },
    };
  } catch (error) {
    relay.close();
    const usual = resolved.origins.proxyListen.kind === "default";
    if (!(error instanceof DarnerError) || error.code !== "port.taken" || !usual) throw error;
    log.warn("image.proxy-off", { reason: "its usual port is taken; choose another with --proxy-listen" });
    return undefined;
  }
}

/** The authority that engines are told to trust lies beside its key; both are made at their first use. */
function interceptionIn(directory: string): Interception {
  const [keyPath, certificatePath] = [`${directory}/proxy-authority.key.pem`, `${directory}/proxy-authority.pem`];
  if (!existsSync(keyPath) || !existsSync(certificatePath)) {
    const key = newSigningKey();
    writeWholeFile(certificatePath, newInterceptionAuthority(key, nodeClock, nodeRandom), 0o644);
    writeWholeFile(keyPath, key.exportPem());
  }
  const key = signingKeyFromPem(readFileSync(keyPath, "utf8"));
  return createInterception(key, readFileSync(certificatePath, "utf8"), nodeClock, nodeRandom);
}
