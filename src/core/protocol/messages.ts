/**
 * What a host and its cluster manager say to each other on the control plane, as JSON messages of
 * one frame each. Fields that a version does not know are left alone; kinds it does not know are
 * skipped. Byte strings travel as base64. Times are relative (`...Ms`), never wall-clock instants.
 */

import type { ErrorWire } from "#base/mod.ts";
import type { SealFacts } from "#core/model/mod.ts";

/** Major: must be equal. Minor: what the older side does not know, it skips. 1.1 has `enquire` and `crossedBytes`. */
export const protocolVersion = { major: 1, minor: 1 } as const;

/** What an object may have at most to come whole in one message: the shortest piece. */
export const smallBytesMax = 64 * 1024;

/** A host as its manager and its peers know it. */
export interface HostCard {
  /** Stable over restarts: hex of the SHA-256 of its public key, first 16 bytes. */
  readonly id: string;
  readonly name: string;
  readonly site: string;
  /** Where peers reach its piece plane. */
  readonly address: string;
  readonly port: number;
  /** Ed25519, SPKI DER, base64; absent with --trust off. */
  readonly publicKey?: string;
}

/** What a host asks a manager to get. */
export interface TaskAsk {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly filterQuery: readonly string[];
  readonly tag: string;
  /** `sha256:HEX`, where the asker knows it. */
  readonly digest?: string;
  /** Marked so by its user or a rule: it travels and lies sealed, whether or not it needs a credential. */
  readonly sensitive?: boolean;
}

/** A question to the origin that costs it no bytes: one HEAD, whoever else asks the same meanwhile. */
export interface LookAsk {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** An answer of this age will do. */
  readonly freshForMs: number;
  /** May who asks so read what this task has by this digest? 200 says that he may. */
  readonly right?: { readonly task: string; readonly digest: string };
}

/** What the origin said, or would not say. */
export interface Seen {
  readonly status: number;
  /** Names in lower case; only those that a client of an origin needs. */
  readonly headers: Readonly<Record<string, string>>;
  readonly ageMs: number;
  /** The origin fails now; this is what it said before. */
  readonly stale: boolean;
}

export type HostMessage =
  | { readonly kind: "hello"; readonly version: string; readonly host: HostCard; readonly hostsKnownMs?: number }
  /** Asks for a task, or again after a reconnect; `holds` tells what the host already has of which generation. */
  | {
      readonly kind: "ask";
      readonly task: string;
      readonly ask: TaskAsk;
      readonly holds?: { readonly generation: string; readonly pieces: string };
      /** Of another manager: only what the asked one has or is getting; it is not to ask the origin for it. */
      readonly heldOnly?: boolean;
      /** The manager that the host is at home with: it may be sent there, should too many want the task. */
      readonly home?: string;
      /** A small object may be answered by one `whole`; whatever else comes, the host asks again without this. */
      readonly small?: boolean;
    }
  /** Does this manager, with which the host is at home, help with a task that another one owns? Answered by `helps`. */
  | { readonly kind: "enquire"; readonly task: string }
  /** Somebody on the host waits for the byte at `position`: it had better be fetched before what lies before it. */
  | { readonly kind: "seek"; readonly task: string; readonly position: number }
  /** What does the origin say of this? Answered by `seen` with the same number. */
  | { readonly kind: "look"; readonly id: number; readonly look: LookAsk }
  /** How a `fetch` of this order ended for one task. */
  | { readonly kind: "fetched"; readonly order: string; readonly task: string; readonly error?: ErrorWire }
  /** Progress of one task, at most every `reportEveryMs`. `news` lists pieces gained since the last report. */
  | {
      readonly kind: "report";
      readonly task: string;
      readonly generation: string;
      readonly news: readonly number[];
      readonly held: number;
      /** Bytes a second received and sent for this task since the last report. */
      readonly downBytesPerSecond: number;
      readonly upBytesPerSecond: number;
      /** What came from other sites in all; absent when nothing did. */
      readonly crossedBytes?: number;
      /** The host wants other parents at once: fewer than two of its own have anything new for it. */
      readonly starving: boolean;
      /** Pieces come from other sites that are no longer in the host's `EntryShare`. */
      readonly crossing?: boolean;
      readonly state: "downloading" | "seeding";
    }
  /** The answer to `recall`; without a manifest when the host has none that another manager signed. */
  | {
      readonly kind: "recalled";
      readonly task: string;
      readonly generation: string;
      readonly manifest?: RecalledManifest;
    }
  /** The host neither wants nor serves the task any more. */
  | { readonly kind: "leave"; readonly task: string; readonly generation: string }
  /** A parent sent bytes that are not in the manifest. */
  | {
      readonly kind: "accuse";
      readonly task: string;
      readonly generation: string;
      readonly parent: string;
      readonly piece: number;
    };

/** A parent that a host may ask, with the right to do so. */
export interface ParentOffer {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** A seed sends each piece once before any twice; ask it for what peers lack. */
  readonly seed: boolean;
  /** It is in another site: only what enters through the host may be asked of it. */
  readonly across?: boolean;
}

/** What of an object enters a site through one host: pieces whose `index % ways` is one of `mine`. */
export interface EntryShare {
  readonly ways: number;
  readonly mine: readonly number[];
}

export interface ManifestHead {
  readonly task: string;
  readonly generation: string;
  readonly pieceBytes: number;
  /** Absent until the origin tells it or the body ends. */
  readonly lengthBytes?: number;
  /** The URL that the manager fetched, and the strong validator that a host may use in If-Range. */
  readonly url: string;
  readonly validator?: string;
  readonly contentType?: string;
  readonly lastModified?: string;
  /** The pieces are sealed ones, and every length and digest of a piece is theirs. */
  readonly seal?: SealFacts;
}

/** A manifest as a host heard it from a manager: as good as that manager's signature over it. */
export interface RecalledManifest {
  readonly head: ManifestHead;
  /** Of the manager that signed it, and its signature over all lines; absent with --trust off. */
  readonly managerKey?: string;
  readonly signature?: string;
  readonly indices: readonly number[];
  readonly digests: string;
  /** What its pieces are opened with, where it is sealed and the host has it. */
  readonly sealSecret?: string | undefined;
  readonly end?: {
    readonly lengthBytes: number;
    readonly digests: readonly string[];
    readonly signature?: string;
  };
}

/** An object of one piece of at most `smallBytesMax`, proved; the signature is that of the manifest's last line. */
export interface WholeMessage {
  readonly kind: "whole";
  readonly head: ManifestHead;
  readonly lengthBytes: number;
  readonly digests: readonly string[];
  /** Absent with --trust off. */
  readonly signature?: string;
  /** Base64. */
  readonly bytes: string;
}

export type ManagerMessage =
  | {
      readonly kind: "welcome";
      readonly version: string;
      readonly manager: string;
      /** Hosts the manager knows by lease; a host's share of the origin budget is 1 / this. */
      readonly hosts: number;
      readonly reportEveryMs: number;
      /** Ed25519, SPKI DER, base64: who signs tickets; absent with --trust off. */
      readonly publicKey?: string;
    }
  /** Reports are to come this often from now on, and so many hosts are known: more or fewer than at the welcome. */
  | { readonly kind: "pace"; readonly reportEveryMs: number; readonly hosts?: number }
  /** `sealSecret`: what the pieces are opened with, since who hears this has the right to read them. */
  | { readonly kind: "head"; readonly head: ManifestHead; readonly ticket?: string; readonly sealSecret?: string }
  /**
   * More pieces are vouched for: `indices[i]` has the SHA-256 at `digests[32 i ...]`. `from` lines were
   * told since the head; the signature covers these and them (transfer/manifest/manifest-chain.ts).
   */
  | {
      readonly kind: "listed";
      readonly task: string;
      readonly generation: string;
      readonly from: number;
      readonly indices: readonly number[];
      readonly digests: string;
      /** Absent with --trust off. */
      readonly signature?: string;
    }
  /** No piece was whole for a while, yet the origin gives bytes, or owes its answer. */
  | { readonly kind: "filling"; readonly task: string }
  /** The last line: the length and the proved digests of the whole. */
  | {
      readonly kind: "ended";
      readonly task: string;
      readonly generation: string;
      readonly lengthBytes: number;
      readonly digests: readonly string[];
      /** Absent with --trust off. */
      readonly signature?: string;
    }
  /** The host is to ask this manager for the task; or else its owner. */
  | { readonly kind: "helps"; readonly task: string; readonly helps: boolean }
  /** Too many want it: the host is to ask the manager that it is at home with. */
  | { readonly kind: "delegated"; readonly task: string }
  /** These are the parents from now on; others are to be left. */
  | {
      readonly kind: "parents";
      readonly task: string;
      readonly generation: string;
      readonly parents: readonly ParentOffer[];
      readonly ticket?: string;
      /** Absent where nothing enters the host's site through it. */
      readonly entry?: EntryShare;
    }
  /** A proof failed or the object changed: drop every piece of this generation. */
  | { readonly kind: "withdrawn"; readonly task: string; readonly generation: string }
  /** A preheat order: get these into the cache, for nobody in particular yet. Answered by a `fetched` for each. */
  | { readonly kind: "fetch"; readonly order: string; readonly asks: readonly TaskAsk[] }
  /** The order was cancelled: what of it still runs for nobody else stops. */
  | { readonly kind: "unfetch"; readonly order: string }
  /** The answer to a `look`. */
  | { readonly kind: "seen"; readonly id: number; readonly seen?: Seen; readonly error?: ErrorWire }
  /** Somebody says that this host sends wrong bytes: it is to look at the piece again, and drop it if so. */
  | { readonly kind: "recheck"; readonly task: string; readonly generation: string; readonly piece: number }
  /** The manager knows nothing of a generation that this host holds pieces of: what does its manifest say? */
  | { readonly kind: "recall"; readonly task: string; readonly generation: string }
  /** All of a small object in the place of its manifest and its parents, to who asked so (`transfer/manifest`). */
  | WholeMessage
  /** The manager cannot get the object. */
  | { readonly kind: "failed"; readonly task: string; readonly error: ErrorWire };

/** The child's key and its signature over the parent's nonce: who holds a ticket proves that it is the one meant. */
export interface ProofOfKey {
  /** SPKI DER, base64. */
  readonly publicKey: string;
  readonly signature: string;
}

/** Opens one task on a piece-plane connection. */
export interface OpenRequest {
  readonly task: string;
  readonly generation: string;
  readonly ticket?: string;
  /** The child is in another site than the parent. */
  readonly across?: boolean;
}
