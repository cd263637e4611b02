/**
 * Every engine meets every fault: of the registry, of the cluster, of trust. Each must end with the right
 * image (engines prove the digests of what they get) or with the registry's own refusal, and on its line
 * to the proxy nothing may stand still for longer than a host's patience.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { startClient, type Client, type ClientName, type Pull } from "./clients.ts";
import { FaultyRegistry, type Misbehaviour } from "./faulty-registry.ts";
import { makeImage } from "./make-image.ts";
import { Registry } from "./registry.ts";
import { authorityOf, proxyOf, registryName, secureName } from "./scene.ts";
import { tokenService, TokenServer } from "./token-server.ts";
import { endAll } from "../ending.ts";
import { Cluster, until, type Role } from "../integration/cluster.ts";
import { WatchedLine } from "./watched-line.ts";

/** Five seconds of patience, and what a busy machine adds. */
const silentMsMax = 6500;
const layerBytes = 4_000_000;
const slowBytesPerSecond = 1_500_000;

/** As a mirror; as HTTPS_PROXY; as that with an authority that the engine was not told of. */
type FaultWay = "mirror" | "forward" | "untrusted";

interface Fault {
  readonly name: string;
  readonly way: FaultWay;
  readonly behaves?: Misbehaviour;
  /** The image, or a message like this. */
  readonly ends: "image" | RegExp;
  /** The engine itself pauses between its tries. */
  readonly pauses?: true;
  /** Each blob is asked of the registry so often at most. */
  readonly blobGetsMax?: number;
  /** Happens while the engine pulls. */
  meanwhile?(ground: Ground, pull: Promise<unknown>): Promise<void>;
  /** Sets right what `meanwhile` broke. */
  afterwards?(ground: Ground): Promise<void>;
}

interface Ground {
  readonly cluster: Cluster;
  readonly faulty: FaultyRegistry;
  readonly manager: Role;
  readonly peer: Role;
  readonly repository: string;
}

const slow = { rateBytesPerSecond: slowBytesPerSecond };
const aThirdCame = ({ faulty }: Ground): Promise<void> =>
  until(() => faulty.blobBytes > layerBytes / 3, "a third of the layer came");

const faults: readonly Fault[] = [
  { name: "registry 401", way: "forward", behaves: { status: 401 }, ends: /401|unauthorized|authenti|credential/i },
  { name: "registry 403", way: "forward", behaves: { status: 403 }, ends: /403|denied|forbidden|the test says/i },
  { name: "registry 404", way: "forward", behaves: { status: 404 }, ends: /404|not found|unknown|does not exist/i },
  { name: "registry 500", way: "forward", behaves: { status: 500 }, ends: /500|unknown|the test says/i },
  { name: "registry 429, twice", way: "forward", behaves: { status: 429, times: 2 }, ends: "image" },
  { name: "wrong bytes", way: "forward", behaves: { wrongByte: true }, ends: /./, pauses: true },
  { name: "authority not trusted", way: "untrusted", ends: /x509|certificate/i, blobGetsMax: 0 },
  { name: "cut in mid-blob", way: "mirror", behaves: { cutAfterBytes: layerBytes / 2 }, ends: "image", blobGetsMax: 2 },
  { name: "slow registry", way: "mirror", behaves: { rateBytesPerSecond: 500_000 }, ends: "image", blobGetsMax: 1 },
  {
    name: "peer dies in mid-pull",
    way: "mirror",
    behaves: slow,
    ends: "image",
    blobGetsMax: 1,
    async meanwhile(ground) {
      void pullByScript(ground.peer, ground.repository);
      await aThirdCame(ground);
      await ground.peer.end("SIGKILL");
    },
    afterwards: async ({ peer }) => void (await peer.start()),
  },
  {
    name: "manager dies in mid-pull",
    way: "mirror",
    behaves: slow,
    ends: "image",
    async meanwhile(ground) {
      await aThirdCame(ground);
      await ground.manager.end("SIGKILL");
      ground.faulty.recover();
    },
    afterwards: async ({ manager }) => void (await manager.start()),
  },
  {
    name: "manager hangs in mid-pull",
    way: "mirror",
    behaves: slow,
    ends: "image",
    async meanwhile(ground, pull) {
      await aThirdCame(ground);
      ground.manager.signal("SIGSTOP");
      ground.faulty.recover();
      await pull;
    },
    afterwards: async ({ manager }) => manager.signal("SIGCONT"),
  },
];

export interface FaultCell {
  readonly client: ClientName;
  readonly fault: string;
  readonly way: FaultWay;
  readonly ended: "image" | "refusal" | "WRONG";
  readonly ms: number;
  readonly silentMs: number;
  /** Why it is wrong. */
  readonly why?: string;
}

/** Another peer of the engine's host asks for the layer too. */
async function pullByScript(host: Role, repository: string): Promise<void> {
  const ns = encodeURIComponent(registryName);
  const answerTo = async (path: string): Promise<IncomingMessage> => {
    const [answer] = await once(
      get(`${proxyOf(host)}/v2/${repository}/${path}?ns=${ns}`, { agent: false }),
      "response",
    );
    return answer as IncomingMessage;
  };
  let text = "";
  for await (const part of await answerTo("manifests/v1")) text += String(part);
  const { layers } = JSON.parse(text) as { layers: readonly { digest: string }[] };
  const answer = await answerTo(`blobs/${layers[0]!.digest}`);
  answer.on("error", () => undefined).resume();
}

/** Every fault, or those named, one after the other; `onCell` hears of each as it ends. */
export async function meetFaults(
  name: ClientName,
  onCell: (cell: FaultCell) => void,
  only?: readonly string[],
): Promise<void> {
  const registry = await Registry.start();
  const faulty = await FaultyRegistry.start(registry.port);
  const cluster = await Cluster.start();
  const engines = new Map<FaultWay, Client>();
  let line: WatchedLine | undefined;
  try {
    const manager = await cluster.manager();
    const { url } = faulty;
    const upstream = `${registryName}=${url},docker.io=${url},${secureName}=${url}`;
    const flags = ["--proxy-listen", "127.0.0.1:0", "--proxy-upstream", upstream, "--proxy-intercept", secureName];
    const host = await cluster.daemon("h1", manager, flags);
    const peer = await cluster.daemon("h2", manager, flags);
    line = await WatchedLine.to(Number(new URL(proxyOf(host)).port));
    for (const [index, fault] of faults.entries()) {
      if (only?.includes(fault.name) === false) continue;
      const repository = `team/fault-${index}`;
      const image = makeImage(cluster.path(`image-${index}`), "v1", {
        layers: [{ sizeBytes: layerBytes, seed: index }],
      });
      await registry.push(image.folder, "v1", `${repository}:v1`);
      const engine = engines.get(fault.way) ?? (await startEngine(name, fault.way, line.url, host));
      engines.set(fault.way, engine);
      const ground = { cluster, faulty, manager, peer, repository };
      faulty.behave(fault.behaves ?? {});
      line.reset();
      const shown = fault.way !== "mirror" ? secureName : name === "docker" ? "docker.io" : registryName;
      const pulling = engine.pull(`${shown}/${repository}:v1`);
      await Promise.all([pulling, fault.meanwhile?.(ground, pulling)]);
      const pull = await pulling;
      onCell(cellOf(name, fault, pull, line.silentMs, faulty.blobGets));
      await fault.afterwards?.(ground);
      await settled(host);
    }
  } finally {
    await endAll(
      () => Promise.all([...engines.values()].map((engine) => engine.end())),
      () => line?.end(),
      () => cluster.end(),
      () => faulty.end(),
      () => registry.end(),
    );
  }
}

/** The host knows its manager again. */
async function settled(host: Role): Promise<void> {
  await until(async () => (await host.metric("darner_manager_connected")) === 1, "the host is connected", 30_000);
}

function startEngine(name: ClientName, way: FaultWay, mirror: string, host: Role): Promise<Client> {
  if (way === "mirror") return startClient(name, { mirror, registry: registryName });
  const authority = way === "forward" ? authorityOf(host) : undefined;
  return startClient(name, { mirror, registry: secureName, forward: { authority } });
}

function cellOf(client: ClientName, fault: Fault, pull: Pull, silentMs: number, blobGets: number): FaultCell {
  const { name, way, ends, pauses = false, blobGetsMax = Infinity } = fault;
  const right = ends === "image" ? pull.ok : !pull.ok && ends.test(pull.text);
  const whys = [
    ...(right ? [] : [`it ended ${pull.ok ? "well" : "badly"}: ${pull.text.trim().slice(-300)}`]),
    ...(pauses || silentMs <= silentMsMax ? [] : [`nothing moved for ${Math.round(silentMs)} ms`]),
    ...(blobGets <= blobGetsMax ? [] : [`the registry was asked ${blobGets} times for the layer`]),
  ];
  const ended = whys.length > 0 ? "WRONG" : ends === "image" ? "image" : "refusal";
  const times = { ms: Math.round(pull.ms), silentMs: Math.round(silentMs) };
  return { client, fault: name, way, ended, ...times, ...(whys.length === 0 ? {} : { why: whys.join("; ") }) };
}

/** Two layers, one after the other of a slow registry; the token that began it ends in between. */
export async function meetExpiry(name: ClientName): Promise<FaultCell> {
  const tokens = await TokenServer.start();
  const { realm, rootCertificate } = tokens;
  const registry = await Registry.start({ token: { realm, rootCertificate, ...tokenService } });
  const faulty = await FaultyRegistry.start(registry.port);
  const cluster = await Cluster.start();
  let line: WatchedLine | undefined;
  let engine: Client | undefined;
  try {
    const layers = Array.from({ length: 8 }, (_, index) => ({ sizeBytes: layerBytes / 4, seed: index + 100 }));
    const image = makeImage(cluster.path("image"), "v1", { layers });
    await registry.push(image.folder, "v1", "team/secret:v1", "anna:secret");
    const { url } = faulty;
    const flags = ["--proxy-listen", "127.0.0.1:0", "--proxy-upstream", `${registryName}=${url},docker.io=${url}`];
    const host = await cluster.daemon("h1", await cluster.manager(), flags);
    line = await WatchedLine.to(Number(new URL(proxyOf(host)).port));
    engine = await startClient(name, { mirror: line.url, registry: registryName });
    tokens.lifeSeconds = 2;
    tokens.given.length = 0;
    faulty.behave({ rateBytesPerSecond: 500_000 });
    const shown = name === "docker" ? "docker.io" : registryName;
    const pull = await engine.pull(`${shown}/team/secret:v1`, "anna:secret");
    assert.ok(tokens.given.length > 0, "a token was fetched");
    const fault = { name: "token expires in mid-pull", way: "mirror", ends: "image" } as const;
    return cellOf(name, fault, pull, line.silentMs, 0);
  } finally {
    await endAll(
      () => engine?.end(),
      () => line?.end(),
      () => cluster.end(),
      () => faulty.end(),
      () => registry.end(),
      () => tokens.end(),
    );
  }
}
