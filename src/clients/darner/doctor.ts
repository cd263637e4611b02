/**
 * `darner doctor`: one line for each thing that Darner needs of this machine and its cluster. `ok`,
 * `warn` (it works, but worse, or is not set up yet) or `fail` (it will not work), each with what to
 * do next. The checks change nothing.
 */

import { formatBytes } from "#base/mod.ts";
import type { ListenAddress } from "#platform/machine/listen-address.ts";
import type { Machine, RoleAnswer } from "#platform/machine/machine.ts";

export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  /** What was looked at: `node`, `port 8002`. */
  readonly subject: string;
  readonly text: string;
}

export interface DoctorQuestion {
  /** Role -> where it would listen. */
  readonly ports: Readonly<Record<string, TcpAddress>>;
  readonly socketPath: string;
  readonly dataDirectory: string;
  readonly managers: readonly string[];
  readonly configService: string | undefined;
  /** Whether the system calls beyond Node's own can be made. */
  readonly nativeAvailable: boolean;
}

/** It answers engines, and tells of itself only where they ask first. */
const proxyRole = "image proxy";
const nodeMajorMin = 26;
const answerTimeoutMs = 3000;
const clockWarnMs = 5000;
const clockFailMs = 60_000;
const freeBytesWarn = 2 ** 30;
const freeBytesFail = 64 * 2 ** 20;
const descriptorsWarn = 4096;

export async function examine(machine: Machine, question: DoctorQuestion): Promise<readonly Finding[]> {
  const { managers, configService } = question;
  const roles = [
    ...(configService === undefined ? [] : [{ subject: "config service", url: configService }]),
    ...managers.map((url) => ({ subject: "cluster manager", url })),
  ];
  const groups = await Promise.all([
    examineNode(machine, question.nativeAvailable),
    examineDescriptors(machine),
    examineFolder(machine, question.dataDirectory),
    ...rolesByAddress(question.ports).map(({ roles: asking, address }) => examinePort(machine, asking, address)),
    examineSocket(machine, question.socketPath),
    ...roles.map(({ subject, url }) => examineRole(machine, subject, url)),
  ]);
  return [...groups.flat(), ...(roles.length > 0 ? [] : [nobodyConfigured])];
}

const nobodyConfigured: Finding = {
  level: "warn",
  subject: "cluster",
  text: "no manager is set, so every download goes to its origin; name one with --manager URL or --config-service URL",
};

async function examineNode(machine: Machine, nativeAvailable: boolean): Promise<Finding[]> {
  const major = Number(machine.nodeVersion.split(".", 1)[0]);
  const node: Finding =
    major >= nodeMajorMin
      ? { level: "ok", subject: "node", text: machine.nodeVersion }
      : {
          level: "fail",
          subject: "node",
          text: `${machine.nodeVersion}, should be ${nodeMajorMin} or later; run npm ci`,
        };
  const native: Finding = nativeAvailable
    ? { level: "ok", subject: "native calls", text: "available" }
    : {
        level: "warn",
        subject: "native calls",
        text: "not available (Linux with node:ffi): the plain ways cost about four times the CPU",
      };
  return [node, native];
}

async function examineDescriptors(machine: Machine): Promise<Finding[]> {
  const limit = await machine.descriptorLimit();
  const subject = "open files";
  if (limit === undefined) return [];
  if (limit >= descriptorsWarn) return [{ level: "ok", subject, text: `up to ${limit}` }];
  return [
    {
      level: "warn",
      subject,
      text: `only ${limit}; a busy role needs ${descriptorsWarn}: raise it with ulimit -n or LimitNOFILE=`,
    },
  ];
}

async function examineFolder(machine: Machine, path: string): Promise<Finding[]> {
  const { freeBytes, writable, existing } = await machine.folder(path);
  const subject = "data directory";
  const next = "choose another with --data-dir DIR";
  if (!writable) return [{ level: "fail", subject, text: `${path}: ${existing} is not writable; ${next}` }];
  const free = `${path}: ${formatBytes(freeBytes)} free`;
  if (freeBytes < freeBytesFail) return [{ level: "fail", subject, text: `${free}; free some, or ${next}` }];
  if (freeBytes < freeBytesWarn) return [{ level: "warn", subject, text: `${free}, which is little; ${next}` }];
  return [{ level: "ok", subject, text: free }];
}

type TcpAddress = Extract<ListenAddress, { kind: "tcp" }>;

interface AskedAddress {
  readonly roles: readonly string[];
  readonly address: TcpAddress;
}

function rolesByAddress(ports: DoctorQuestion["ports"]): AskedAddress[] {
  const groups = Map.groupBy(Object.entries(ports), ([, { host, port }]) => `${host}:${port}`);
  return [...groups.values()].map((group) => ({ roles: group.map(([role]) => role), address: group[0]![1] }));
}

async function examinePort(machine: Machine, roles: readonly string[], address: TcpAddress): Promise<Finding[]> {
  const subject = `port ${address.port}`;
  const role = roles[0]!;
  if (address.port === 0) return [];
  if (roles.length > 1) {
    const next = "give each its own: --ROLE-port, or listen in the role's section of the settings file";
    return [
      { level: "warn", subject, text: `wanted by ${roles.join(", ")}, so only one of them would start; ${next}` },
    ];
  }
  const isProxy = role === proxyRole;
  const another = isProxy ? "another --proxy-listen HOST:PORT" : "another --listen HOST:PORT";
  const state = await machine.canListen(address);
  if (state === "free") return [{ level: "ok", subject, text: `free for the ${role}` }];
  if (state !== "taken")
    return [
      {
        level: "warn",
        subject,
        text: `cannot be listened on for the ${role}: ${state.why}; choose ${another}`,
      },
    ];
  const host = ["0.0.0.0", "::"].includes(address.host) ? "127.0.0.1" : address.host;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
  const answer = await machine.askRole({ url }, isProxy ? "/v2/" : "/healthz", answerTimeoutMs);
  if (answer.kind === "answered" && answer.isDarner)
    return [{ level: "ok", subject, text: `Darner listens there already (${role})` }];
  return [{ level: "warn", subject, text: `another process has it; start the ${role} with ${another}` }];
}

async function examineSocket(machine: Machine, socketPath: string): Promise<Finding[]> {
  const subject = "host daemon";
  const answer = await machine.askRole({ socketPath }, "/readyz", answerTimeoutMs);
  if (answer.kind === "answered") return [readiness(subject, socketPath, answer)];
  const text =
    answer.kind === "missing"
      ? `none runs at ${socketPath}; dfget works without, darner daemon starts one`
      : `${socketPath} does not answer: ${answer.why}; start it again with darner daemon`;
  return [{ level: "warn", subject, text }];
}

async function examineRole(machine: Machine, subject: string, url: string): Promise<Finding[]> {
  const answer = await machine.askRole({ url }, "/readyz", answerTimeoutMs);
  if (answer.kind !== "answered") {
    return [
      {
        level: "fail",
        subject,
        text: `${url} cannot be reached: ${answer.why}; check that it runs and that no firewall is between`,
      },
    ];
  }
  const found = [readiness(subject, url, answer)];
  return answer.wallMs === undefined ? found : [...found, clockAgainst(url, answer.wallMs - machine.wallMs())];
}

function readiness(subject: string, place: string, answer: Extract<RoleAnswer, { kind: "answered" }>): Finding {
  if (!answer.isDarner)
    return { level: "fail", subject, text: `${place} answers, but is not Darner; check the address` };
  if (answer.status === 200) return { level: "ok", subject, text: `${place} is ready` };
  return { level: "warn", subject, text: `${place} is not ready: ${answer.text.trim() || `status ${answer.status}`}` };
}

/** The other side tells whole seconds only. */
function clockAgainst(url: string, aheadMs: number): Finding {
  const off = Math.abs(aheadMs);
  const subject = "clock";
  if (off <= clockWarnMs) return { level: "ok", subject, text: `agrees with ${url}` };
  const text = `${Math.round(off / 1000)} s ${aheadMs > 0 ? "behind" : "ahead of"} ${url}; let NTP set it`;
  return { level: off > clockFailMs ? "fail" : "warn", subject, text };
}
