/** What `darner doctor` asks of the machine, as a port. Nothing here throws: trouble is an answer. */

import type { ListenAddress } from "./listen-address.ts";

/** Whom to ask: a role by its URL, or a daemon by its socket. */
export type RolePlace = { readonly url: string } | { readonly socketPath: string };

export type RoleAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly text: string;
      /** The answer names Darner as its server. */
      readonly isDarner: boolean;
      /** The other side's wall clock, to the second, where it told. */
      readonly wallMs: number | undefined;
    }
  /** `missing`: no socket file; `silent`: nobody listens, or no answer in time. */
  | { readonly kind: "missing" | "silent"; readonly why: string };

export interface Machine {
  readonly nodeVersion: string;
  wallMs(): number;
  /** Whether the address can be listened on now. */
  canListen(address: ListenAddress): Promise<"free" | "taken" | { readonly why: string }>;
  /** GET `path` of a role. */
  askRole(place: RolePlace, path: string, timeoutMs: number): Promise<RoleAnswer>;
  /** Of the folder, or of its nearest parent that exists. */
  folder(path: string): Promise<{ readonly freeBytes: number; readonly writable: boolean; readonly existing: string }>;
  /** How many files and connections the process may have open; undefined where nobody tells. */
  descriptorLimit(): Promise<number | undefined>;
}
