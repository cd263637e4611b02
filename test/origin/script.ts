/** What the test origin does for one path: an object, and how it misbehaves. */

export interface ObjectScript {
  /** Default: empty. */
  readonly body?: Uint8Array | SeededBody;
  /** false: Range is ignored and the whole comes as 200. Default true. */
  readonly ranges?: boolean;
  /** null: none is sent. Default: a strong one that follows the version. */
  readonly etag?: string | null;
  readonly lastModified?: string;
  /** More headers, over those the origin makes. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers that tell the digest of the whole body. */
  readonly digests?: readonly DigestHeader[];
  /** Those headers tell the digest of something else. */
  readonly digestsWrong?: boolean;

  /** This status instead of the object. With `retryAfter`: a Retry-After header. */
  readonly status?: number;
  readonly retryAfter?: string;
  readonly redirectTo?: string;
  /** 401 without exactly this header; its name in lower case. */
  readonly needsHeader?: { readonly name: string; readonly value: string };
  /** These bytes instead of an answer, then the connection ends. */
  readonly raw?: string;
  /** The head never comes. */
  readonly silent?: boolean;

  /** What Content-Length says. Without it the body ends with the connection, or is chunked. Default "right". */
  readonly lengthHeader?: "right" | "absent" | "larger" | "smaller";
  readonly chunked?: boolean;
  /** How a 206 lies. */
  readonly contentRange?: "absent" | "wrong-start" | "beyond-end" | "longer" | "shorter";
  /** After so many bytes of an answer's body: no more, a reset, or an orderly end of the connection. */
  readonly stallAfterBytes?: number;
  readonly resetAfterBytes?: number;
  readonly closeAfterBytes?: number;
  /** For each answer. */
  readonly rateBytesPerSecond?: number;
  /** After so many bytes of an answer's body: no more before this resolves, so that the middle lasts. */
  readonly held?: { readonly afterBytes: number; readonly until: Promise<unknown> };
  /** Only the first so many requests meet what is above from `status` on; later ones are served well. */
  readonly misbehavesTimes?: number;

  /** A new version (other bytes, other validators) once so much was sent or asked. */
  readonly changeAfterBytes?: number;
  readonly changeAfterRequests?: number;
  /** How many new versions there will be. Default 1. */
  readonly changesMax?: number;
}

export interface SeededBody {
  readonly sizeBytes: number;
  readonly seed: number;
}

export type DigestHeader = "digest" | "repr-digest" | "content-md5" | "x-amz-checksum-sha256";

/** The script of a well-behaved origin for the same object. */
export function wellBehaved(script: ObjectScript): ObjectScript {
  const { body, ranges, etag, lastModified, headers, digests } = script;
  const { changeAfterBytes, changeAfterRequests, changesMax } = script;
  const kept = {
    body,
    ranges,
    etag,
    lastModified,
    headers,
    digests,
    changeAfterBytes,
    changeAfterRequests,
    changesMax,
  };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
}
