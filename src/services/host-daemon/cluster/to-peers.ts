/** What this host tells of itself, and which other hosts it lets fetch from it. */

import type { HostCard, OpenRequest } from "#core/protocol/mod.ts";
import { ticketRefusal } from "#transfer/mod.ts";
import type { HostDaemonOptions } from "../daemon-options.ts";
import type { ManagerClient } from "./manager-client.ts";

export function cardOf({ key, name, site, advertise, trust }: HostDaemonOptions): HostCard {
  return { id: key.id, name, site, ...advertise(), ...(trust ? { publicKey: key.publicKey } : {}) };
}

/** Why the host may not have the task, or null. */
export function refusalTo(
  { trust, clock, isRevoked }: HostDaemonOptions,
  manager: ManagerClient | undefined,
  { ticket, task }: OpenRequest,
  host: string,
): string | null {
  if (!trust) return null;
  if (isRevoked(host)) return "the host was revoked";
  return ticketRefusal(ticket, { task, host }, manager?.managerKeys ?? [], clock.wallMs());
}
