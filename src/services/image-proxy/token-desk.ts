/**
 * Where clients of the mirror get their tokens, when they ask it before they say which registry they
 * mean (Docker, podman, buildah and skopeo ping `/v2/` first). The desk asks the registry that the
 * scope names, with the credential that the client gives for it, and packs what it got into a token that
 * is good for that registry alone. It keeps nothing about anybody; a token for nobody in particular is
 * shared while it lives, so that a crowd without credentials is one asker.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Upstream } from "#core/image/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import { fetchToken, tokenPlace, type RegistryHands, type RegistryToken } from "#transfer/mod.ts";
import type { ImageHost } from "./image-host.ts";
import { answerError } from "./registry-answer.ts";

export const tokenPath = "/darner/token";
const prefix = "darner.";
const packedPattern = /^bearer darner\.([\w-]*)$/i;
const timeoutMs = 10_000;
/** Of a token that is needed for nothing. */
const lifeSecondsUsual = 300;
const sharedMax = 1000;

export interface TokenDeskOptions {
  readonly clock: Clock;
  readonly host: ImageHost;
  /** What a name in a path of the mirror means; undefined where no rule lets it through. */
  readonly find: (path: string) => { readonly upstream: Upstream; readonly path: string } | undefined;
}

export class TokenDesk {
  readonly #options: TokenDeskOptions;
  readonly #hands: RegistryHands;
  readonly #shared = new Map<string, { readonly token: Promise<RegistryToken>; readonly untilMs: number }>();

  constructor(options: TokenDeskOptions) {
    this.#options = options;
    const { host } = options;
    this.#hands = { look: (ask) => host.look(ask), fetch: (ask, signal) => host.fetch(ask, 0, signal) };
  }

  /** Sends the client here for a token. */
  challenge(request: IncomingMessage, response: ServerResponse): void {
    const realm = `http://${request.headers.host ?? "127.0.0.1"}${tokenPath}`;
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    response.setHeader("server", "darner");
    response.setHeader("www-authenticate", `Bearer realm="${realm.replaceAll('"', "")}",service="darner"`);
    answerError(response, 401, "UNAUTHORIZED", "a token is wanted");
  }

  /** `GET /darner/token?service=darner&scope=repository:NAME:pull`, with Basic where the client has credentials. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams } = new URL(request.url ?? "/", "http://proxy");
    const repository = /^repository:(.+):[a-z,*]*$/.exec(searchParams.get("scope") ?? "")?.[1];
    const meant = repository === undefined ? undefined : this.#options.find(`/v2/${repository}/manifests/any`);
    if (meant === undefined) return sendToken(response, pack("", undefined), lifeSecondsUsual);
    const { upstream } = meant;
    const own = meant.path.slice("/v2/".length, -"/manifests/any".length);
    try {
      const token = await this.#tokenFor(upstream, own, request.headers.authorization);
      return sendToken(response, pack(upstream.registry, token.authorization), token.lifeSeconds);
    } catch (error) {
      return answerError(response, 401, "UNAUTHORIZED", (error as Error).message);
    }
  }

  async #tokenFor(upstream: Upstream, repository: string, given: string | undefined): Promise<RegistryToken> {
    const place = await tokenPlace(upstream.base, repository, given, this.#hands);
    if (!("url" in place)) return place;
    return given === undefined ? await this.#forAnybody(place.url) : await fetchToken(place.url, given, this.#hands);
  }

  async #forAnybody(url: string): Promise<RegistryToken> {
    const nowMs = this.#options.clock.nowMs();
    const known = this.#shared.get(url);
    if (known !== undefined && nowMs < known.untilMs) return await known.token;
    const token = fetchToken(url, undefined, this.#hands);
    this.#shared.delete(url);
    this.#shared.set(url, { token, untilMs: nowMs + timeoutMs });
    if (this.#shared.size > sharedMax) this.#shared.delete(this.#shared.keys().next().value as string);
    const { lifeSeconds: life } = await token;
    // The last part of its life is left to who has it already.
    this.#shared.set(url, { token, untilMs: nowMs + life * 500 });
    return await token;
  }
}

/** The client's own credential for this registry: what the desk packed, or what the client gave itself. */
export function unpack(authorization: string | undefined, registry: string): string | undefined {
  const packed = packedPattern.exec(authorization ?? "")?.[1];
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

function sendToken(response: ServerResponse, token: string, expiresIn: number): void {
  const body = Buffer.from(JSON.stringify({ token, access_token: token, expires_in: expiresIn }));
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}
