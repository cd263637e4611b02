/** Starts the host daemon's image proxy on the real platform. */

import { DarnerError } from "#base/mod.ts";
import { ImageContent, type HostDaemon } from "#services/host-daemon/mod.ts";
import { ImageProxy } from "#services/image-proxy/mod.ts";
import type { Origin } from "#origins/mod.ts";
import { nodeClock } from "#platform/clock.node.ts";
import type { Log } from "#platform/log.ts";
import type { Metrics } from "#platform/metrics.ts";
import { createNodeProxyServer } from "#platform/proxy-server.node.ts";
import { createNodeRelay } from "#platform/relay.node.ts";
import type { hostDaemonSettings, Resolved } from "#settings/mod.ts";
import { httpUrl } from "./address.ts";
import type { LiveSettings } from "./live-settings.ts";

export interface ImageProxyParts {
  readonly daemon: HostDaemon;
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
  const relay = createNodeRelay();
  const proxy = new ImageProxy({
    clock: nodeClock,
    log,
    metrics,
    host: new ImageContent({ daemon, origin }),
    relay,
    settings: () => {
      const { proxyUpstreams, proxyDefaultRegistry, proxyTagTtlMs } = live.values;
      return { upstreams: proxyUpstreams, defaultRegistry: proxyDefaultRegistry, tagTtlMs: proxyTagTtlMs };
    },
  });
  const server = createNodeProxyServer({
    request: (request, response) => proxy.mirror(request, response),
    connect: (_request, socket) => void socket.end("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n"),
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
