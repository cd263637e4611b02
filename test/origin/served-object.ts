/** One object at the test origin: its versions, and what was asked and sent of it so far. */

import { bytesContent, contentDigest, seededContent, type Content } from "./content.ts";
import { wellBehaved, type DigestHeader, type ObjectScript } from "./script.ts";

export class ServedObject {
  readonly #script: ObjectScript;
  #requests = 0;
  #version = 1;
  #bytesSinceChange = 0;
  #requestsSinceChange = 0;
  #content: Content;

  constructor(script: ObjectScript) {
    this.#script = script;
    this.#content = contentOf(script, 1);
  }

  get content(): Content {
    return this.#content;
  }

  get etag(): string | undefined {
    const { etag } = this.#script;
    if (etag === null) return undefined;
    return etag === undefined || this.#version > 1 ? `"v${this.#version}-${this.#content.sizeBytes}"` : etag;
  }

  get lastModified(): string | undefined {
    const told = this.#script.lastModified;
    if (told === undefined || this.#version === 1) return told;
    return new Date(Date.parse(told) + (this.#version - 1) * 3_600_000).toUTCString();
  }

  /** Counts one more request and tells how to answer it. */
  nextScript(): ObjectScript {
    const { changeAfterRequests, misbehavesTimes } = this.#script;
    if (changeAfterRequests !== undefined && this.#requestsSinceChange >= changeAfterRequests) this.#change();
    this.#requests++;
    this.#requestsSinceChange++;
    return this.#requests > (misbehavesTimes ?? Infinity) ? wellBehaved(this.#script) : this.#script;
  }

  countSent(bytes: number): void {
    this.#bytesSinceChange += bytes;
    const { changeAfterBytes } = this.#script;
    if (changeAfterBytes !== undefined && this.#bytesSinceChange >= changeAfterBytes) this.#change();
  }

  digestHeaders(): Record<string, string> {
    const headers: Record<string, string> = {};
    const told = this.#script.digestsWrong === true ? bytesContent(Buffer.from("something else")) : this.#content;
    for (const name of this.#script.digests ?? []) headers[name] = digestHeader(name, told);
    return headers;
  }

  #change(): void {
    if (this.#version > (this.#script.changesMax ?? 1)) return;
    this.#version++;
    this.#bytesSinceChange = 0;
    this.#requestsSinceChange = 0;
    this.#content = contentOf(this.#script, this.#version);
  }
}

/** The bytes of a script's object: version 1 is as written, each later one differs everywhere. */
export function contentOf(script: ObjectScript, version = 1): Content {
  const body = script.body ?? new Uint8Array();
  if (!(body instanceof Uint8Array)) return seededContent(body.sizeBytes, body.seed + (version - 1) * 7919);
  return bytesContent(version === 1 ? body : body.map((byte) => byte ^ version));
}

function digestHeader(name: DigestHeader, content: Content): string {
  if (name === "content-md5") return contentDigest(content, "md5", "base64");
  const sha256 = contentDigest(content, "sha256", "base64");
  if (name === "digest") return `SHA-256=${sha256}`;
  return name === "repr-digest" ? `sha-256=:${sha256}:` : sha256;
}
