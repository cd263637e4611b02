/**
 * Who may read what of a registry. The registry alone decides: a right is proved by one HEAD of a
 * manifest with the asker's own credential, and is then remembered for that credential and that
 * repository, never longer than five minutes nor than the credential itself lives. What a proved
 * manifest names by digest inherits the right: blobs, and the manifests of an index.
 *
 * Invariants:
 *  1. A right of one credential, registry or repository is never one of another.
 *  2. A digest is readable only if it was proved itself, or is named by something readable there.
 *  3. Bounded: the rights proved and manifests read longest ago leave.
 */

import { childrenOf, type ImageManifest } from "./manifest.ts";

/** Whose right it is: fingerprints, not credentials. */
export interface Reader {
  /** Scheme, host and port of the registry. */
  readonly base: string;
  readonly repository: string;
  /** Hash of the credential; empty for nobody in particular. */
  readonly credential: string;
}

interface Right {
  readonly untilMs: number;
  /** Digests that were proved themselves. */
  readonly proved: Set<string>;
}

export const rightMsMax = 5 * 60_000;
/** A manifest that was read. */
interface Known {
  readonly isIndex: boolean;
  readonly names: ReadonlySet<string>;
}

const rightsMax = 10_000;
const provedMax = 1000;
const manifestsMax = 2000;
/** An index of indexes: no real one goes deeper. */
const depthMax = 3;

export class ReadRights {
  readonly #rights = new Map<string, Right>();
  readonly #known = new Map<string, Known>();

  /** The registry answered a HEAD of this digest well. `credentialEndsMs`: when the credential itself says it ends. */
  prove(reader: Reader, digest: string, nowMs: number, credentialEndsMs = Infinity): void {
    const key = keyOf(reader);
    const known = this.#rights.get(key);
    const alive = known !== undefined && known.untilMs > nowMs ? known : undefined;
    // The time runs from the first proof: renewing it would let a revoked right live on with what is asked anew.
    const untilMs = alive?.untilMs ?? Math.min(nowMs + rightMsMax, credentialEndsMs);
    const proved = alive?.proved ?? new Set<string>();
    if (proved.size < provedMax) proved.add(digest);
    keep(this.#rights, key, { untilMs, proved }, rightsMax);
  }

  /** The manifest of this digest was read: what it names is known from now on. */
  learn(digest: string, manifest: ImageManifest): void {
    const names = new Set(childrenOf(manifest).map((child) => child.digest));
    keep(this.#known, digest, { isIndex: manifest.kind === "index", names }, manifestsMax);
  }

  mayRead(reader: Reader, digest: string, nowMs: number): boolean {
    const proved = this.#proved(reader, nowMs);
    return proved !== undefined && (proved.has(digest) || this.#names(proved, digest, depthMax));
  }

  /** When all that was proved for the reader ends; undefined when nothing was. */
  endsMs(reader: Reader): number | undefined {
    return this.#rights.get(keyOf(reader))?.untilMs;
  }

  /** Manifests that the reader may read and that nobody has read yet: what they name may be what is asked for. */
  unread(reader: Reader, nowMs: number): readonly string[] {
    return [...this.#unknown(this.#proved(reader, nowMs) ?? [], depthMax)];
  }

  #proved(reader: Reader, nowMs: number): ReadonlySet<string> | undefined {
    const right = this.#rights.get(keyOf(reader));
    return right === undefined || right.untilMs <= nowMs ? undefined : right.proved;
  }

  #names(parents: Iterable<string>, digest: string, depth: number): boolean {
    if (depth === 0) return false;
    for (const parent of parents) {
      const known = this.#known.get(parent);
      if (known === undefined) continue;
      if (known.names.has(digest) || (known.isIndex && this.#names(known.names, digest, depth - 1))) return true;
    }
    return false;
  }

  *#unknown(manifests: Iterable<string>, depth: number): Generator<string> {
    if (depth === 0) return;
    for (const digest of manifests) {
      const known = this.#known.get(digest);
      if (known === undefined) yield digest;
      else if (known.isIndex) yield* this.#unknown(known.names, depth - 1);
    }
  }
}

/** When a Bearer token that is a JWT says it ends, in milliseconds of the wall clock; Infinity when it says nothing. */
export function credentialEndsMs(authorization: string | undefined): number {
  const payload = /^bearer\s+[\w-]+\.([\w-]+)\.[\w-]*$/i.exec(authorization ?? "")?.[1];
  if (payload === undefined) return Infinity;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const ends = (claims as { exp?: unknown } | null)?.exp;
    return typeof ends === "number" ? ends * 1000 : Infinity;
  } catch {
    return Infinity;
  }
}

function keyOf({ base, repository, credential }: Reader): string {
  return `${base}\n${repository}\n${credential}`;
}

/** Puts it last; what was put longest ago leaves beyond the bound. */
function keep<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value as string);
}
