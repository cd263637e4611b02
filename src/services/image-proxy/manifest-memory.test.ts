/** Manifests in memory: given where they came from, and nowhere else before they came from there too. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf } from "#core/image/mod.ts";
import { ManifestMemory } from "./manifest-memory.ts";

const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${"b".repeat(64)}`, size: 2 },
    layers: [],
  }),
);
const digest = `sha256:${"a".repeat(64)}`;
const at = (base: string): string => placeOf(`${base}/manifests/${digest}`);

test("a registry that says yes to a digest gets nobody a manifest that came from another", () => {
  const memory = new ManifestMemory();
  const here = at("https://registry.corp/v2/team/app");
  assert.ok(memory.add(digest, manifest, here));
  assert.ok(memory.from(digest, here));
  for (const base of ["https://evil.example/v2/team/app", "https://registry.corp/v2/mine/app"])
    assert.equal(memory.from(digest, at(base)), undefined, base);
  const mirror = at("https://mirror.corp/v2/team/app");
  memory.add(digest, manifest, mirror);
  assert.ok(memory.from(digest, mirror));
});
