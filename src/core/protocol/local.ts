/**
 * What dfget and the host daemon say to each other on the daemon's unix socket, over HTTP/1.1.
 *
 *     POST /v1/downloads             DownloadAsk -> lines of JSON (DownloadEvent), until `done` or `failed`
 *     GET  /v1/downloads/:id/body    the object's verified bytes in order (output "stream"); cut short on failure
 *     POST /v1/downloads/:id/settled the output has its final name: the daemon may go on serving from it
 *     POST /v1/small                 SmallAsks -> a line of JSON for each (SmallAnswer), as they come
 *
 * An output is handed over as two open descriptors (content, journal) sent with SCM_RIGHTS to the
 * socket `<socket>.fd` in one message whose bytes are the token; the daemon opens no path that a
 * client names. dfget alone tells its own progress with the same events.
 */

import type { ErrorWire } from "#base/mod.ts";
import type { TaskAsk } from "./messages.ts";

/** p2p: peers and seeds, the origin at need. cdn: seeds only. source: the origin only. */
export type DownloadMode = "p2p" | "cdn" | "source";

export interface DownloadAsk extends TaskAsk {
  readonly output:
    | { readonly kind: "descriptors"; readonly token: string }
    /** The client reads the bytes itself from `/body`. */
    | { readonly kind: "stream" };
  /** First byte, and the byte after the last. */
  readonly range?: { readonly start: number; readonly end?: number };
  readonly mode: DownloadMode;
  /** Whether the origin may be asked when managers and peers cannot help. */
  readonly backToSource: boolean;
  /** Bytes a second for this download alone. */
  readonly rateBytesPerSecond?: number;
  readonly triesMax: number;
  /** How often the client wants to hear its progress; more often than it shows it is a waste. */
  readonly progressEveryMs?: number;
  /** A digest that only the user knows; the daemon proves it when nobody else has. */
  readonly userDigest?: string;
}

/** Many objects that may be small, asked at once. */
export interface SmallAsks {
  readonly asks: readonly TaskAsk[];
}

export const smallAsksMax = 64;

/** The whole object, proved, to the ask of this index; without bytes: it has to be asked for by itself. */
export interface SmallAnswer {
  readonly index: number;
  /** Base64. */
  readonly bytes?: string;
  readonly digests?: readonly string[];
  readonly lastModified?: string;
}

/** Bytes of the object by where they came from. `local`: held already, by an earlier run or another output. */
export interface BytesBySource {
  readonly origin: number;
  readonly peers: number;
  readonly local: number;
}

export type DownloadEvent =
  | {
      readonly event: "started";
      readonly id: string;
      readonly url: string;
      readonly lengthBytes?: number;
      readonly pieceBytes?: number;
    }
  | { readonly event: "progress"; readonly bytes: BytesBySource; readonly lengthBytes?: number }
  /** One step of the way the bytes came, or why another way was not taken (`--explain`); `aloud`: said anyway. */
  | { readonly event: "way"; readonly text: string; readonly aloud?: true }
  | { readonly event: "retry"; readonly error: ErrorWire; readonly delayMs: number }
  | {
      readonly event: "done";
      readonly lengthBytes: number;
      readonly digests: readonly string[];
      readonly bytes: BytesBySource;
      readonly lastModified?: string;
    }
  | { readonly event: "failed"; readonly error: ErrorWire };
