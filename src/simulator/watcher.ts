/**
 * Who looks on while a simulated cluster runs: checkers of invariants and the readable trace. Optional
 * everywhere, and absent in big runs.
 */

import type { DownloadEffect, DownloadEvent } from "#core/download/mod.ts";
import type { Host } from "./host.ts";
import type { Sender } from "./sender.ts";
import type { Wire } from "./wire.ts";

export interface Watcher {
  /** Before the host's brain hears it. */
  event(host: Host, event: DownloadEvent): void;
  /** Before it is carried out. */
  effect(host: Host, effect: DownloadEffect): void;
  /** The piece is in the host's store and offered. */
  stored(host: Host, index: number): void;
  /** Wants came to a parent. */
  asked(parent: Sender, standing: number): void;
  /** The piece's first byte leaves. */
  began(wire: Wire, index: number): void;
  /** The piece's last byte is at the child. */
  passed(wire: Wire, index: number): void;
  /** The host's process died; what it knew is gone, what it stored is not. */
  died(host: Host): void;
  /** Anything else worth a line. */
  note(who: string, what: string): void;
}
