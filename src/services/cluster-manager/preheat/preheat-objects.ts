/** What a preheat order comes down to: asks for objects, an image's manifests read on the way. */

import { DarnerError } from "#base/mod.ts";
import {
  blobPath,
  childrenOf,
  choosePlatforms,
  contentAsk,
  manifestAccept,
  manifestPath,
  readManifest,
  readRegistryPath,
  type PreheatWhat,
} from "#core/image/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import { fetchToken, tokenPlace, type RegistryHands } from "#transfer/mod.ts";

const manifestsMax = 200;

export interface ObjectHands extends RegistryHands {
  /** Holds the object and gives its bytes; a manifest is short. */
  read(ask: TaskAsk): Promise<Uint8Array>;
}

/** Rejects with what the registry says. `given` is a credential for it: Basic, or a token of its own. */
export async function objectsOf(what: PreheatWhat, given: string | undefined, hands: ObjectHands): Promise<TaskAsk[]> {
  if (what.kind === "files") {
    const headers = given === undefined ? {} : { authorization: given };
    return what.urls.map((url) => ({ url, headers, filterQuery: [], tag: "" }));
  }
  const { origin, pathname } = new URL(what.url);
  const path = readRegistryPath(pathname);
  if (path.kind !== "tag" && path.kind !== "manifest") throw new DarnerError("usage", `cannot preheat ${what.url}`);
  const { repository } = path;
  const authorization = await credentialFor(origin, repository, given, hands);
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const digest = path.kind === "manifest" ? path.digest : await resolve(what.url, headers, hands);
  const asks = new Map<string, TaskAsk>();
  const add = (kind: "manifest" | "blob", named: string): TaskAsk => {
    const place = kind === "manifest" ? manifestPath(repository, named) : blobPath(repository, named);
    const own = kind === "manifest" ? { ...headers, accept: manifestAccept } : headers;
    const ask = contentAsk(`${origin}${place}`, own, named);
    asks.set(named, ask);
    return ask;
  };
  const open = [digest];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    if (asks.has(next)) continue;
    if (asks.size > manifestsMax)
      throw new DarnerError("cluster.refused", `cannot preheat ${what.url}: it is too deep`);
    const manifest = readManifest(await hands.read(add("manifest", next)));
    if (manifest === undefined)
      throw new DarnerError("origin.protocol", `cannot preheat ${what.url}: ${next} is no image's manifest`);
    if (manifest.kind === "index")
      open.push(...choosePlatforms(manifest.manifests, what.platforms).map((child) => child.digest));
    else for (const child of childrenOf(manifest)) add("blob", child.digest);
  }
  return [...asks.values()];
}

/** A token that was given for it stays as it is: only the registry can tell how long it is good. */
async function credentialFor(
  base: string,
  repository: string,
  given: string | undefined,
  hands: RegistryHands,
): Promise<string | undefined> {
  if (given !== undefined && /^bearer /i.test(given)) return given;
  const place = await tokenPlace(base, repository, given, hands);
  return "url" in place ? (await fetchToken(place.url, given, hands)).authorization : place.authorization;
}

async function resolve(url: string, headers: Readonly<Record<string, string>>, hands: RegistryHands): Promise<string> {
  const seen = await hands.look({ url, headers: { ...headers, accept: manifestAccept }, freshForMs: 0 });
  const digest = seen.headers["docker-content-digest"];
  if (seen.status === 200 && digest !== undefined) return digest;
  const code = seen.status === 401 ? "origin.unauthorized" : seen.status === 404 ? "origin.not-found" : "origin.status";
  throw new DarnerError(code, `cannot preheat ${url}: its registry answers ${seen.status}`);
}
