/**
 * Container engines as people run them, each in a folder of its own: Debian's skopeo, podman, buildah,
 * containerd with ctr, and dockerd. Each pulls one name through a mirror and says what it got.
 */

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { endsWithTest } from "../ending.ts";

const pullMsMaxUsual = 60_000;
const startMsMax = 20_000;

export interface Pull {
  readonly ok: boolean;
  readonly text: string;
  readonly ms: number;
}

export interface Client {
  /** `reference` has its registry, as in `reg.test:5000/team/app:v1`. */
  pull(reference: string, credentials?: string): Promise<Pull>;
  /** Forgets what it has pulled. */
  forget(reference: string): Promise<void>;
  end(): Promise<void>;
}

export interface Way {
  /** `http://127.0.0.1:PORT`. */
  readonly mirror: string;
  /** Not as a mirror but as HTTPS_PROXY; PEM file of the authority to trust, or none. */
  readonly forward?: { readonly authority: string | undefined };
  /** As in image names. */
  readonly registry: string;
  /** Straight at the registry, in clear: what the proxy is measured against. */
  readonly direct?: true;
  /** Longer, and the pull has failed. */
  readonly pullMsMax?: number;
}

export type ClientName = "skopeo" | "podman" | "buildah" | "containerd" | "docker";
export const clientNames: readonly ClientName[] = ["skopeo", "podman", "buildah", "containerd", "docker"];
export const programsOf: Readonly<Record<ClientName, readonly string[]>> = {
  skopeo: ["skopeo"],
  podman: ["podman", "runc"],
  buildah: ["buildah"],
  containerd: ["containerd", "ctr", "runc"],
  docker: ["dockerd", "docker", "containerd", "runc"],
};

export async function startClient(name: ClientName, way: Way): Promise<Client> {
  const folder = mkdtempSync(join(tmpdir(), `darner-${name}-`));
  switch (name) {
    case "containerd":
      return await startContainerd(folder, way);
    case "docker":
      return await startDocker(folder, way);
    default:
      return containersImage(name, folder, way);
  }
}

/** skopeo, podman and buildah read the same registries.conf. */
function containersImage(name: "skopeo" | "podman" | "buildah", folder: string, way: Way): Client {
  const { mirror, registry } = way;
  const configuration = join(folder, "registries.conf");
  const host = mirror.replace("http://", "");
  const asMirror = way.forward === undefined && way.direct === undefined;
  writeFileSync(
    configuration,
    [
      "[[registry]]",
      `prefix = "${registry}"`,
      `location = "${registry}"`,
      ...(way.direct === true ? ["insecure = true"] : []),
      ...(asMirror
        ? ["[[registry.mirror]]", `location = "${host}/${registry.replace(":", "_")}"`, "insecure = true"]
        : []),
      "",
    ].join("\n"),
  );
  const policy = join(folder, "policy.json");
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const places = { CONTAINERS_REGISTRIES_CONF: configuration, HOME: folder, XDG_RUNTIME_DIR: folder };
  const environment = { ...places, ...forwardEnvironment(way) };
  const storage = ["--root", join(folder, "root"), "--runroot", join(folder, "run"), "--storage-driver", "vfs"];
  let count = 0;
  const words = (reference: string, authfile: string): readonly string[] => {
    const output = join(folder, `out-${count++}`);
    if (name === "skopeo")
      return [
        "--registries-conf",
        configuration,
        "--policy",
        policy,
        "copy",
        "--src-authfile",
        authfile,
        `docker://${reference}`,
        `dir:${output}`,
      ];
    return [...storage, "pull", "--signature-policy", policy, "--authfile", authfile, reference];
  };
  return {
    pull(reference, credentials) {
      const authfile = join(folder, "auth.json");
      const auth = credentials === undefined ? {} : { auth: Buffer.from(credentials).toString("base64") };
      writeFileSync(
        authfile,
        JSON.stringify({ auths: credentials === undefined ? {} : { [asMirror ? host : registry]: auth } }),
      );
      return run(name, words(reference, authfile), environment, way.pullMsMax);
    },
    async forget(reference) {
      if (name !== "skopeo") await run(name, [...storage, "rmi", "-f", reference], environment);
    },
    end: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function startContainerd(folder: string, way: Way): Promise<Client> {
  const { mirror, registry } = way;
  const socket = join(folder, "containerd.sock");
  const configuration = join(folder, "config.toml");
  const places = `root = "${folder}/root"\nstate = "${folder}/state"\n[grpc]\naddress = "${socket}"\n`;
  writeFileSync(configuration, `version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n${places}`);
  const hosts = join(folder, "hosts", registry);
  mkdirSync(hosts, { recursive: true });
  writeFileSync(
    join(hosts, "hosts.toml"),
    way.direct === true
      ? `server = "http://${registry}"\n`
      : way.forward === undefined
        ? `server = "https://${registry}"\n[host."${mirror}"]\n  capabilities = ["pull", "resolve"]\n`
        : `server = "https://${registry}"\n`,
  );
  const daemon = await startDaemon("containerd", ["--config", configuration], folder, () =>
    run("ctr", ["-a", socket, "version"]).then(({ ok }) => ok),
  );
  const ctr = (...words: string[]): Promise<Pull> =>
    run("ctr", ["-a", socket, ...words], forwardEnvironment(way), way.pullMsMax);
  return {
    async pull(reference, credentials) {
      const user = credentials === undefined ? [] : ["--user", credentials];
      return await ctr(
        "images",
        "pull",
        "--hosts-dir",
        join(folder, "hosts"),
        "--snapshotter",
        "native",
        ...user,
        reference,
      );
    },
    async forget(reference) {
      await ctr("images", "rm", "--sync", reference);
    },
    async end() {
      await daemon.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Only names of docker.io go through a mirror of Docker's. */
async function startDocker(folder: string, way: Way): Promise<Client> {
  const socket = `unix://${folder}/docker.sock`;
  const places = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")];
  const network = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"];
  // By itself it tries five times, with pauses that grow to 20 s.
  const tries = ["--max-download-attempts", "2"];
  const words = [
    ...places,
    "-H",
    socket,
    "--pidfile",
    join(folder, "pid"),
    ...network,
    ...tries,
    "--storage-driver",
    "vfs",
  ];
  const docker = (...rest: string[]): Promise<Pull> =>
    run("docker", ["-H", socket, "--config", join(folder, "client"), ...rest], {}, way.pullMsMax);
  const mirror = way.forward === undefined && way.direct === undefined ? ["--registry-mirror", way.mirror] : [];
  const answers = (): Promise<boolean> => docker("version").then(({ ok }) => ok);
  const daemon = await startDaemon("dockerd", [...words, ...mirror], folder, answers, forwardEnvironment(way));
  return {
    async pull(reference, credentials) {
      mkdirSync(join(folder, "client"), { recursive: true });
      const auth = credentials === undefined ? {} : { auth: Buffer.from(credentials).toString("base64") };
      const auths = credentials === undefined ? {} : { "https://index.docker.io/v1/": auth };
      writeFileSync(join(folder, "client", "config.json"), JSON.stringify({ auths }));
      return await docker("pull", "-q", reference);
    },
    async forget(reference) {
      await docker("rmi", "-f", reference);
    },
    async end() {
      await daemon.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Daemon {
  end(): Promise<void>;
}

async function startDaemon(
  program: string,
  words: readonly string[],
  folder: string,
  answers: () => Promise<boolean>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Daemon> {
  const child = spawn(program, words, {
    stdio: ["ignore", "pipe", "pipe"],
    env: environmentOf({ HOME: folder, ...environment }),
  });
  endsWithTest(child, "SIGTERM");
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (log += text));
  const endMs = performance.now() + startMsMax;
  while (!(await answers())) {
    assert(performance.now() < endMs && child.exitCode === null, `${program} answers: ${log.slice(-2000)}`);
    await delay(100);
  }
  return {
    async end() {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** As people set it for an engine; Go reads the authorities to trust from SSL_CERT_FILE. */
function forwardEnvironment({ mirror, forward }: Way): Record<string, string> {
  if (forward === undefined) return {};
  const trusted = forward.authority === undefined ? {} : { SSL_CERT_FILE: forward.authority };
  return { HTTPS_PROXY: mirror, HTTP_PROXY: mirror, ...trusted };
}

function environmentOf(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, HOME: "/root", ...own };
}

async function run(
  program: string,
  words: readonly string[],
  own: Readonly<Record<string, string>> = {},
  pullMsMax = pullMsMaxUsual,
): Promise<Pull> {
  const startedMs = performance.now();
  const child: ChildProcess = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], env: environmentOf(own) });
  endsWithTest(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), pullMsMax);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (part: string) => (text += part));
  const [status] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { ok: status === 0, text, ms: performance.now() - startedMs };
}
