/** How many manifests by digest a second one warm proxy answers, beside docker-registry in the same run. */

import { ImageScene, proxyOf, registryName } from "../../test/images/scene.ts";
import { answersASecond } from "./quick-client.ts";

const connections = 16;
const headers = { accept: "application/vnd.oci.image.manifest.v1+json" };

export async function manifestRate(seconds: number): Promise<Record<string, number>> {
  const scene = await ImageScene.start();
  try {
    const image = await scene.push("team/app", { layers: [{ sizeBytes: 1000, seed: 1 }] });
    const host = await scene.host("h1");
    const path = `/v2/team/app/manifests/${image.digest}`;
    const asks = {
      registry: { url: `${scene.registry.url}${path}`, headers },
      proxy: { url: `${proxyOf(host)}${path}?ns=${encodeURIComponent(registryName)}`, headers },
    };
    for (const ask of Object.values(asks)) await answersASecond(ask, 1, 0.5);
    const registry = await answersASecond(asks.registry, connections, seconds);
    const proxy = await answersASecond(asks.proxy, connections, seconds);
    return { connections, registry, proxy, ratio: Number((proxy / registry).toFixed(2)) };
  } finally {
    await scene.end();
  }
}
