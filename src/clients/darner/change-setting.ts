/** `darner set`: changes a setting of one running process, or of every process of a cluster. */

import type { HttpJson } from "#platform/http-asks/json.ts";

/** A process by its socket or URL; the config service speaks for the whole cluster. */
export type SettingPlace =
  | { readonly kind: "socket"; readonly socketPath: string }
  | { readonly kind: "process"; readonly url: string }
  | { readonly kind: "cluster"; readonly url: string };

export interface SettingChange {
  readonly place: SettingPlace;
  /** As in the settings file: `upload-rate`, for a cluster also `daemon.upload-rate`. */
  readonly name: string;
  readonly value: string;
}

const answerTimeoutMs = 10_000;
/** Hosts are changed through their sockets. */
const roleAt = { process: "manager", cluster: "config-service" } as const;

/** Resolves to what was done, in one line; rejects with what the other side says, or `network.*`. */
export async function changeSetting(http: HttpJson, { place, name, value }: SettingChange): Promise<string> {
  const base = place.kind === "socket" ? "http://daemon" : place.url;
  await http.request({
    method: "PUT",
    url: new URL(`/v1/settings/${encodeURIComponent(name)}`, base),
    ...(place.kind === "socket" ? { socketPath: place.socketPath } : { role: roleAt[place.kind] }),
    body: { value },
    timeoutMs: answerTimeoutMs,
  });
  if (place.kind === "cluster") {
    return `${name} is ${value} for the cluster of ${place.url}, where a host's own settings say nothing else`;
  }
  const where = place.kind === "socket" ? `the daemon of ${place.socketPath}` : place.url;
  return `${name} is ${value} at ${where}, until it ends`;
}
