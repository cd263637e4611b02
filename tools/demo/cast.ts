/** Who plays: an origin that is limited, a config service, a manager, and the hosts with their daemons. */

import { fileURLToPath } from "node:url";
import type { SaidLine, Stage } from "./stage.ts";

export interface Cast {
  readonly originUrl: string;
  readonly managerUrl: string;
  /** The daemon's socket of each host. */
  readonly sockets: readonly string[];
}

export interface CastOptions {
  readonly hosts: number;
  readonly rate: string;
  /** Path of each object with its size and seed, as the test origin reads them. */
  readonly objects: readonly string[];
}

const isStarted = (line: SaidLine): boolean => line["event"] === "role.started";

export async function enter(stage: Stage, { hosts, rate, objects }: CastOptions): Promise<Cast> {
  const origin = stage.serve(
    [
      "node_modules/.bin/node",
      fileURLToPath(new URL("../../test/origin/main.ts", import.meta.url)),
      `--rate=${rate}`,
      ...objects.flatMap((object) => ["--object", object]),
    ],
    (line) => typeof line["url"] === "string",
  );
  const role = async (name: string, folder: string, flags: readonly string[]): Promise<string> => {
    const common = ["--listen", "127.0.0.1:0", "--data-dir", stage.path(folder), "--log-level", "info"];
    return String((await stage.serve(["bin/darner", name, ...common, ...flags], isStarted))["url"]);
  };
  const service = ["--config-service", await role("config-service", "config-service", [])];
  const sockets = Array.from({ length: hosts }, (_, index) => stage.path(`host-${index + 1}.sock`));
  const [managerUrl] = await Promise.all([
    role("cluster-manager", "manager", service),
    ...sockets.map((socket, index) => role("daemon", `host-${index + 1}`, [...service, "--socket", socket])),
  ]);
  return { originUrl: String((await origin)["url"]), managerUrl, sockets };
}

/** Body bytes that the origin has sent, by its own count. */
export async function originBytes(cast: Cast): Promise<number> {
  const answer = await fetch(`${cast.originUrl}/-/stats`, { signal: AbortSignal.timeout(5000) });
  return ((await answer.json()) as { bodyBytes: number }).bodyBytes;
}

/** Piece bytes that the manager has sent to hosts. */
export async function managerBytes(cast: Cast): Promise<number> {
  const answer = await fetch(`${cast.managerUrl}/metrics`, { signal: AbortSignal.timeout(5000) });
  return Number(/^darner_upload_bytes (\S+)$/m.exec(await answer.text())?.[1] ?? 0);
}
