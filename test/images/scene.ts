/** A cluster whose hosts have image proxies, and a registry behind them: what the image tests play in. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endAll } from "../ending.ts";
import { Cluster, type Role } from "../integration/cluster.ts";
import { makeImage, type ImageScript, type MadeImage } from "./make-image.ts";
import { Registry, type RegistryOptions } from "./registry.ts";

/** As in image names. It has no address: only the proxies know where it is. */
export const registryName = "reg.test:5000";
/** The same registry, as the forward proxy's clients know it: at the usual port. */
export const secureName = "secure.test";

export class ImageScene {
  readonly cluster: Cluster;
  readonly registry: Registry;
  readonly manager: Role;
  readonly #folder = mkdtempSync(join(tmpdir(), "darner-images-"));

  private constructor(cluster: Cluster, registry: Registry, manager: Role) {
    this.cluster = cluster;
    this.registry = registry;
    this.manager = manager;
  }

  static async start(options: RegistryOptions = {}): Promise<ImageScene> {
    const registry = await Registry.start(options);
    const cluster = await Cluster.start();
    return new ImageScene(cluster, registry, await cluster.manager());
  }

  /** A host with a proxy that finds the registry under its own name, and as Docker Hub. */
  async host(name: string, flags: readonly string[] = []): Promise<Role> {
    const { url } = this.registry;
    const upstreams = ["--proxy-upstream", `${registryName}=${url},docker.io=${url},${secureName}=${url}`];
    return await this.cluster.daemon(name, this.manager, ["--proxy-listen", "127.0.0.1:0", ...upstreams, ...flags]);
  }

  /** Makes an image and pushes it as `name:v1`. */
  async push(name: string, script: ImageScript, credentials?: string): Promise<MadeImage> {
    const image = makeImage(join(this.#folder, name.replaceAll("/", "-")), "v1", script);
    await this.registry.push(image.folder, "v1", `${name}:v1`, credentials);
    return image;
  }

  async end(): Promise<void> {
    await endAll(
      () => this.cluster.end(),
      () => this.registry.end(),
      () => rmSync(this.#folder, { recursive: true, force: true }),
    );
  }
}

/** `http://127.0.0.1:PORT` of a host's image proxy. */
export function proxyOf(host: Role): string {
  return String(host.entries("role.started").at(-1)!["proxy"]);
}

/** PEM file of the authority that a host's proxy looks into TLS with. */
export function authorityOf(host: Role): string {
  return `${host.dataDirectory}/daemon/proxy-authority.pem`;
}

export async function inScene(
  tell: (scene: ImageScene) => Promise<void>,
  options: RegistryOptions = {},
): Promise<void> {
  const scene = await ImageScene.start(options);
  try {
    await tell(scene);
  } finally {
    await scene.end();
  }
}
