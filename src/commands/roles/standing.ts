/**
 * A role's standing in its cluster: how it proves itself if it has joined, whom it lets in, what it is
 * told by the config service, and its certificate's renewal.
 */

import {
  createConfigClient,
  createGate,
  createTokenCheck,
  Revocations,
  startRenewal,
  type ConfigClient,
} from "#cluster/mod.ts";
import { DarnerError } from "#base/mod.ts";
import type { JoinableRole } from "#core/model/mod.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import type { Admission } from "#platform/http-server/server.ts";
import { createNodeIdentity } from "#platform/keys/identity.node.ts";
import type { Identity } from "#platform/keys/identity.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import { isLoopbackHost, type TcpAddress } from "#settings/mod.ts";
import type { SealEpochs } from "#transfer/mod.ts";
import { readIdentity, writeCertificate } from "./membership-files.ts";
import { followSealEpochs } from "./seal-epochs.ts";

/** Certificates from a config service in the same process. */
export type Issue = (
  role: JoinableRole,
  key: SigningKey,
) => Promise<{ readonly authority: string; readonly certificate: string }>;

export interface StandingOptions {
  readonly role: JoinableRole;
  readonly directory: string;
  readonly key: SigningKey;
  /** The role's settings, as far as they concern it. */
  readonly values: {
    readonly trust: "on" | "off";
    readonly configService: string | undefined;
    readonly manager?: readonly string[];
    readonly listen: TcpAddress;
  };
  readonly log: Log;
  readonly metrics: Metrics;
  readonly issue?: Issue | undefined;
}

export interface Standing {
  readonly identity: Identity | undefined;
  readonly config: ConfigClient | undefined;
  readonly admit: Admission;
  readonly revocations: Revocations;
  /** A manager's; a host is told of none. */
  readonly epochs: SealEpochs;
  stop(): void;
}

/** Throws `trust.required` when the cluster is to be spoken to over TLS and was not joined. */
export async function openStanding(options: StandingOptions): Promise<Standing> {
  const { directory, log, metrics } = options;
  const { configService, manager = [] } = options.values;
  const trust = options.values.trust === "on";
  const secure = [configService, ...manager].find((url) => url?.startsWith("https:") === true);
  const identity = trust ? await identityOf(options, secure) : undefined;
  const http = createNodeHttpJson(identity);
  const ground = { http, clock: nodeClock, random: nodeRandom, log, trust };
  const config = configService === undefined ? undefined : createConfigClient({ ...ground, url: configService });
  const revocations = new Revocations();
  const cluster =
    identity === undefined
      ? undefined
      : { isRevoked: (id: string) => revocations.isRevoked(id), scopesOf: createTokenCheck(config, nodeClock) };
  const renewal =
    identity === undefined || config === undefined
      ? undefined
      : startRenewal({
          ...ground,
          identity,
          renew: (signal) => config.renewCertificate(signal),
          onRenewed: (certificate) => {
            if (options.issue === undefined) writeCertificate(directory, certificate);
          },
        });
  const followed = followSealEpochs(options.role === "manager" && identity !== undefined ? config : undefined, log);
  registerIdentity(metrics, identity);
  sayIdentity(options, identity);
  return {
    identity,
    config,
    admit: createGate({ trust, clock: nodeClock, log, cluster }),
    revocations,
    epochs: followed.epochs,
    stop() {
      followed.stop();
      renewal?.stop();
      http.close();
    },
  };
}

function sayIdentity({ log, key, role, values }: StandingOptions, identity: Identity | undefined): void {
  if (identity === undefined) {
    if (values.trust === "off" || role !== "manager" || isLoopbackHost(values.listen.host)) return;
    const meaning = "only this machine's processes may use it; run darner join, or say --trust off in a closed network";
    return log.warn("identity.none", { meaning });
  }
  const { endsAtMs } = identity.member;
  if (endsAtMs > nodeClock.wallMs()) return log.info("identity.shown", { id: key.id, endsAtMs });
  log.warn("identity.ended", { id: key.id, endsAtMs, meaning: "nobody lets it in any more; run darner join again" });
}

/** None for whoever speaks with nobody over TLS, even if the folder has joined a cluster once. */
async function identityOf(
  { directory, key, role, issue }: StandingOptions,
  secure: string | undefined,
): Promise<Identity | undefined> {
  if (issue !== undefined) return createNodeIdentity({ ...(await issue(role, key)), key });
  if (secure === undefined) return undefined;
  const identity = readIdentity(directory, key);
  if (identity !== undefined) return identity;
  const next = "run darner join with what darner member invite prints there";
  throw new DarnerError("trust.required", `cannot use ${secure}: ${directory} has not joined its cluster; ${next}`);
}

/** The seconds until its own certificate ends, where a role has one. */
export function registerIdentity(metrics: Metrics, identity: Identity | undefined): void {
  if (identity === undefined) return;
  metrics.gauge("darner_certificate_seconds", "seconds until this process' certificate ends", () =>
    Math.round((identity.member.endsAtMs - nodeClock.wallMs()) / 1000),
  );
}
