/** The image proxy's settings: where engines reach it, and which registries it goes to. */

import { single, several, type Kind } from "./kind.ts";
import { duration, listenAddress, text, type TcpAddress } from "./kinds.ts";
import { setting } from "./setting.ts";

const topic = "Container images";

const listenOrOff: Kind<TcpAddress | "off"> = single<TcpAddress | "off">(
  { placeholder: "HOST:PORT|off" },
  (value) => (value === "off" ? { value } : listenAddress.read([value])),
  (value) => (value === "off" ? value : listenAddress.write(value)),
);

interface UpstreamRule {
  readonly name: string;
  readonly url?: string;
}

const upstreamRule: Kind<UpstreamRule> = single<UpstreamRule>(
  { placeholder: "REGISTRY[=URL]" },
  (value) => {
    const [, name = "", url] = /^([^=]+)(?:=(.+))?$/.exec(value) ?? [];
    if (!/^(?:\*|[a-z0-9.[\]:-]+)$/i.test(name) || (name === "*" && url !== undefined))
      return { problem: "it should be REGISTRY, REGISTRY=URL, or * for every registry over https" };
    if (url === undefined) return { value: { name } };
    const read = URL.parse(url);
    if (read === null || !/^https?:$/.test(read.protocol) || read.pathname !== "/" || read.username !== "")
      return { problem: "its URL should be http://HOST[:PORT] or https://HOST[:PORT]" };
    return { value: { name, url: read.origin } };
  },
  ({ name, url }) => (url === undefined ? name : `${name}=${url}`),
);

type ForwardAction =
  | { readonly kind: "swarm" | "direct" | "refuse" | "https" }
  | { readonly kind: "redirect"; readonly base: string };

interface ForwardRule {
  readonly pattern: string;
  readonly action: ForwardAction;
}

const plainActions = ["swarm", "direct", "refuse", "https"] as const;

const forwardRule: Kind<ForwardRule> = single<ForwardRule>(
  { placeholder: "PATTERN=ACTION" },
  (value) => {
    const [, pattern = "", word = ""] = /^(\S+)=(\S+)$/.exec(value) ?? [];
    const kind = plainActions.find((action) => action === word);
    if (pattern !== "" && kind !== undefined) return { value: { pattern, action: { kind } } };
    const base = URL.parse(word);
    if (pattern !== "" && base !== null && /^https?:$/.test(base.protocol) && base.pathname === "/")
      return { value: { pattern, action: { kind: "redirect", base: base.origin } } };
    return { problem: "it should be PATTERN=swarm, direct, refuse, https, or a URL without a path" };
  },
  ({ pattern, action }) => `${pattern}=${action.kind === "redirect" ? action.base : action.kind}`,
);

export const imageProxySettings = {
  proxyListen: setting<TcpAddress | "off">({
    name: "proxy-listen",
    kind: listenOrOff,
    default: { text: "127.0.0.1:65001", from: () => ({ kind: "tcp", host: "127.0.0.1", port: 65001 }) },
    topic,
    help: "address where container engines reach the image proxy",
  }),
  proxyUpstreams: setting({
    name: "proxy-upstream",
    kind: { ...several(upstreamRule), placeholder: "REGISTRY[=URL],..." },
    default: { text: "*", from: () => [{ name: "*" }] },
    live: true,
    topic,
    help: "registries that the image proxy may go to, and where each is when not at https://REGISTRY",
  }),
  proxyDefaultRegistry: setting({
    name: "proxy-default-registry",
    kind: text("REGISTRY"),
    default: "docker.io",
    live: true,
    topic,
    help: "the registry that a request to the mirror means when it names none",
  }),
  proxyIntercept: setting({
    name: "proxy-intercept",
    kind: several(text("HOST[:PORT]")),
    default: { text: "none", from: () => [] },
    live: true,
    topic,
    help: "hosts whose TLS the proxy looks into when it is used as HTTPS_PROXY; clients must trust its authority",
  }),
  proxyRules: setting({
    name: "proxy-rule",
    kind: several(forwardRule, "none"),
    default: { text: "none", from: () => [] },
    live: true,
    topic,
    help: "what happens to a request to the forward proxy: PATTERN=swarm, direct, refuse, https or another server's URL",
  }),
  proxyTagTtlMs: setting({
    name: "proxy-tag-ttl",
    kind: duration({ min: 0, max: 24 * 3_600_000 }),
    default: 5_000,
    live: true,
    topic,
    help: "how long what a registry said of a tag is used before the cluster asks it again",
  }),
} as const;
