/**
 * Where clients of the mirror get their tokens, when they ask it before they say which registry they
 * mean (Docker, podman, buildah and skopeo ping `/v2/` first). The desk asks the registry that the
 * scope names, with the credential that the client gives for it, and packs what it got into a token that
 * is good for that registry alone. It keeps nothing about anybody; a token for nobody in particular is
 * shared while it lives, so that a crowd without credentials is one asker.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { bearerChallenge, readChallenges, type Upstream } from "#core/image/mod.ts";
import type { Seen } from "#core/protocol/mod.ts";
import type { Clock } from "#platform/clock.ts";
import type { ImageHost } from "./image-host.ts";
import { answerError } from "./registry-answer.ts";

export const tokenPath = "/darner/token";
const prefix = "darner.";
const challengeFreshMs = 5 * 60_000;
const answerBytesMax = 64 * 1024;
const timeoutMs = 10_000;
const lifeSeconds = { usual: 300, min: 60 } as const;
const sharedMax = 1000;

export interface TokenDeskOptions {
  readonly clock: Clock;
  readonly host: ImageHost;
  /** What a name in a path of the mirror means; undefined where no rule lets it through. */
  readonly find: (path: string) => { readonly upstream: Upstream; readonly path: string } | undefined;
}

interface Token {
  readonly authorization: string | undefined;
  readonly lifeSeconds: number;
}

export class TokenDesk {
  readonly #options: TokenDeskOptions;
  readonly #shared = new Map<string, { readonly token: Promise<Token>; readonly untilMs: number }>();

  constructor(options: TokenDeskOptions) {
    this.#options = options;
  }

  /** Sends the client here for a token. */
  challenge(request: IncomingMessage, response: ServerResponse): void {
    const realm = `http://${request.headers.host ?? "127.0.0.1"}${tokenPath}`;
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    response.setHeader("www-authenticate", `Bearer realm="${realm.replaceAll('"', "")}",service="darner"`);
    answerError(response, 401, "UNAUTHORIZED", "a token is wanted");
  }

  /** `GET /darner/token?service=darner&scope=repository:NAME:pull`, with Basic where the client has credentials. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams } = new URL(request.url ?? "/", "http://proxy");
    const repository = /^repository:(.+):[a-z,*]*$/.exec(searchParams.get("scope") ?? "")?.[1];
    const meant = repository === undefined ? undefined : this.#options.find(`/v2/${repository}/manifests/any`);
    if (meant === undefined) return sendToken(response, pack("", undefined), lifeSeconds.usual);
    const { upstream } = meant;
    const own = meant.path.slice("/v2/".length, -"/manifests/any".length);
    try {
      const token = await this.#tokenFor(upstream, own, request.headers.authorization);
      return sendToken(response, pack(upstream.registry, token.authorization), token.lifeSeconds);
    } catch (error) {
      return answerError(response, 401, "UNAUTHORIZED", (error as Error).message);
    }
  }

  async #tokenFor(upstream: Upstream, repository: string, given: string | undefined): Promise<Token> {
    const ping = { url: `${upstream.base}/v2/`, headers: {}, freshForMs: challengeFreshMs };
    // A registry that does not answer may still have what is asked for in the swarm.
    const seen: Seen | undefined = await this.#options.host.look(ping).catch(() => undefined);
    const field = seen?.status === 401 ? seen.headers["www-authenticate"] : undefined;
    const bearer = bearerChallenge(field);
    if (bearer === undefined || !isOwnRealm(bearer.realm, upstream)) {
      const basic = readChallenges(field).some(({ scheme }) => scheme === "basic");
      return { authorization: basic ? given : undefined, lifeSeconds: lifeSeconds.usual };
    }
    const url = new URL(bearer.realm);
    if (bearer.service !== undefined) url.searchParams.set("service", bearer.service);
    url.searchParams.set("scope", `repository:${repository}:pull`);
    return given === undefined
      ? await this.#forAnybody(url.href)
      : await this.#fetch(url.href, { authorization: given });
  }

  async #forAnybody(url: string): Promise<Token> {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#shared.get(url);
    if (known !== undefined && nowMs < known.untilMs) return await known.token;
    const token = this.#fetch(url, {});
    this.#shared.delete(url);
    this.#shared.set(url, { token, untilMs: nowMs + timeoutMs });
    if (this.#shared.size > sharedMax) this.#shared.delete(this.#shared.keys().next().value as string);
    const { lifeSeconds: life } = await token;
    // The last part of its life is left to who has it already.
    this.#shared.set(url, { token, untilMs: nowMs + life * 500 });
    return await token;
  }

  /** Throws what the realm answers. */
  async #fetch(url: string, headers: Readonly<Record<string, string>>): Promise<Token> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of this.#options.host.fetch({ url, headers }, 0, AbortSignal.timeout(timeoutMs))) {
      bytes += part.length;
      if (bytes > answerBytesMax) throw new Error("the registry's token is too long");
      parts.push(part);
    }
    const answer = JSON.parse(Buffer.concat(parts).toString("utf8")) as Record<string, unknown> | null;
    const token = answer?.["token"] ?? answer?.["access_token"];
    if (typeof token !== "string") throw new Error("the registry's token service gave no token");
    const told = answer?.["expires_in"];
    const life = typeof told === "number" && told >= lifeSeconds.min ? Math.floor(told) : lifeSeconds.min;
    return { authorization: `Bearer ${token}`, lifeSeconds: life };
  }
}

/** The client's own credential for this registry: what the desk packed, or what the client gave itself. */
export function unpack(authorization: string | undefined, registry: string): string | undefined {
  const packed = new RegExp(`^bearer ${prefix.replace(".", "\\.")}([\\w-]*)$`, "i").exec(authorization ?? "")?.[1];
  if (packed === undefined) return authorization;
  try {
    const { r, a } = JSON.parse(Buffer.from(packed, "base64url").toString("utf8")) as { r?: unknown; a?: unknown };
    return r === registry && typeof a === "string" ? a : undefined;
  } catch {
    return undefined;
  }
}

function pack(registry: string, authorization: string | undefined): string {
  const value = { r: registry, ...(authorization === undefined ? {} : { a: authorization }) };
  return prefix + Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** A registry that sends credentials elsewhere in clear does not get them from here. */
function isOwnRealm(realm: string, { base }: Upstream): boolean {
  const { protocol, hostname } = new URL(realm);
  return protocol === "https:" || hostname === new URL(base).hostname;
}

function sendToken(response: ServerResponse, token: string, expiresIn: number): void {
  const body = Buffer.from(JSON.stringify({ token, access_token: token, expires_in: expiresIn }));
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}
