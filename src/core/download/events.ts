/** What happens to a download from many parents, and what it wants done: the words of SwarmDownload. */

import type { Bitfield } from "#base/mod.ts";
import type { EntryShare, ParentOffer } from "#core/protocol/mod.ts";

export type DownloadEvent =
  | { readonly kind: "listed"; readonly indices: readonly number[] }
  /** The manifest ended: the object has this many pieces. */
  | { readonly kind: "ended"; readonly pieces: number }
  | { readonly kind: "parents"; readonly offers: readonly ParentOffer[]; readonly entry?: EntryShare | undefined }
  | { readonly kind: "opened"; readonly parent: string; readonly pieces: Bitfield }
  | { readonly kind: "had"; readonly parent: string; readonly indices: readonly number[] }
  | { readonly kind: "closed"; readonly parent: string }
  | { readonly kind: "started"; readonly parent: string; readonly index: number }
  | { readonly kind: "stored"; readonly parent: string; readonly index: number }
  | { readonly kind: "bad"; readonly parent: string; readonly index: number }
  | { readonly kind: "cancelled"; readonly parent: string; readonly indices: readonly number[] }
  /** So many pieces came and wait for the disk. */
  | { readonly kind: "unwritten"; readonly pieces: number }
  /** Other pieces are wanted than before. */
  | { readonly kind: "interest" }
  | { readonly kind: "tick" };

export type DownloadEffect =
  | { readonly kind: "dial"; readonly offer: ParentOffer }
  /** Leave the parent; `sever` its connection when nothing good can come of it for any task. */
  | { readonly kind: "hang-up"; readonly parent: string; readonly reason: string; readonly sever: boolean }
  | { readonly kind: "want"; readonly parent: string; readonly indices: readonly number[] }
  | { readonly kind: "cancel"; readonly parent: string; readonly indices: readonly number[] }
  /** The parent sent bytes that the manifest does not vouch for. */
  | { readonly kind: "accuse"; readonly parent: string; readonly index: number };
