/**
 * Which way the bytes come: through the host daemon, through one that dfget starts, or alone from the
 * origin. A pure decision with its reasons, which `--explain` prints.
 */

import { DarnerError } from "#base/mod.ts";
import type { DownloadMode } from "#core/protocol/mod.ts";
import type { Silence } from "#platform/http-asks/local.ts";

const howToShare = "to share with other hosts, run darner up --listen 0.0.0.0 on one of them and join it from here";

export interface WayFacts {
  readonly mode: DownloadMode;
  readonly backToSource: boolean;
  readonly socketPath: string;
  /** A flag, the environment or the settings name the socket. */
  readonly socketNamed: boolean;
  /** Undefined where a daemon answers. */
  readonly silence: Silence | undefined;
  readonly managers: readonly string[];
  readonly configService: string | undefined;
  /** What the program that starts a daemon says when it cannot. */
  readonly daemonStartable: boolean;
}

export type Way =
  | { readonly kind: "daemon"; readonly socketPath: string }
  | { readonly kind: "start-daemon"; readonly socketPath: string }
  | { readonly kind: "alone" }
  | { readonly kind: "none"; readonly error: DarnerError };

export interface Choice {
  readonly way: Way;
  /** One line each, in the order of the steps. */
  readonly reasons: readonly string[];
}

export function chooseWay(facts: WayFacts): Choice {
  const { socketPath, managers, configService } = facts;
  const clusterNamed = managers.length > 0 || configService !== undefined;
  const cluster = configService === undefined ? `manager ${managers.join(", ")}` : `config service ${configService}`;
  if (facts.mode === "source" && !facts.socketNamed) {
    return aloneOrNone(facts, ["mode source: from the origin only, so no daemon is asked"]);
  }
  if (facts.silence === undefined) {
    return { way: { kind: "daemon", socketPath }, reasons: [`a host daemon answers at ${socketPath}: through it`] };
  }
  const reasons = [`no host daemon answers at ${socketPath}: ${facts.silence.says}`];
  if (clusterNamed && facts.mode !== "source") {
    if (facts.daemonStartable) {
      reasons.push(`${cluster} is configured: starting a daemon for this user`);
      return { way: { kind: "start-daemon", socketPath }, reasons };
    }
    reasons.push(`${cluster} is configured, but no daemon can be started here`);
    return aloneOrNone(facts, reasons);
  }
  reasons.push(`no manager is configured: alone, from the origin; ${howToShare}`);
  return aloneOrNone(facts, reasons);
}

function aloneOrNone(facts: WayFacts, reasons: readonly string[]): Choice {
  if (facts.backToSource) return { way: { kind: "alone" }, reasons };
  const code = facts.socketNamed ? "daemon.unreachable" : "cluster.unreachable";
  const who = facts.socketNamed ? `no daemon at ${facts.socketPath}` : "no daemon and no manager";
  const message = `cannot download: there is ${who}, and --no-back-to-source forbids the origin; start one, or allow it`;
  return { way: { kind: "none", error: new DarnerError(code, message) }, reasons };
}
