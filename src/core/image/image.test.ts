/** Container images on the wire, read from what anybody may have written. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  accepts,
  bearerChallenge,
  blobPath,
  choosePlatforms,
  findUpstream,
  manifestPath,
  mirrorTarget,
  parseImageReference,
  readChallenges,
  readManifest,
  readRegistryPath,
} from "./mod.ts";

const sha = (char: string): string => `sha256:${char.repeat(64)}`;
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe("an image's name", () => {
  test("is completed as Docker does it", () => {
    assert.deepEqual(parseImageReference("alpine"), {
      registry: "docker.io",
      repository: "library/alpine",
      tag: "latest",
    });
    assert.deepEqual(parseImageReference("team/app:1.2"), {
      registry: "docker.io",
      repository: "team/app",
      tag: "1.2",
    });
    assert.deepEqual(parseImageReference("localhost/app"), { registry: "localhost", repository: "app", tag: "latest" });
    assert.deepEqual(parseImageReference("reg.test:5000/a/b/c:v1"), {
      registry: "reg.test:5000",
      repository: "a/b/c",
      tag: "v1",
    });
    assert.deepEqual(parseImageReference(`reg.test/a@${sha("0")}`), {
      registry: "reg.test",
      repository: "a",
      digest: sha("0"),
    });
  });

  test("is refused where it is none, with what it should be", () => {
    for (const text of ["", "UPPER", "reg.test/", "a:b:c/d", "a@sha256:12", "a/../b", `a:${"t".repeat(129)}`])
      assert.throws(() => parseImageReference(text), { code: "usage", message: /\[REGISTRY\/\]NAME\[:TAG\]/ });
  });
});

describe("a path of a registry", () => {
  test("asks for content, for a tag, or for what is the registry's own business", () => {
    const digest = sha("a");
    assert.deepEqual(readRegistryPath("/v2/"), { kind: "base" });
    assert.deepEqual(readRegistryPath(blobPath("a/b", digest)), { kind: "blob", repository: "a/b", digest });
    assert.deepEqual(readRegistryPath(manifestPath("a", digest)), { kind: "manifest", repository: "a", digest });
    assert.deepEqual(readRegistryPath(`/v2/a/manifests/${digest.replace(":", "%3A")}`), {
      kind: "manifest",
      repository: "a",
      digest,
    });
    assert.deepEqual(readRegistryPath("/v2/a/manifests/v1"), { kind: "tag", repository: "a", tag: "v1" });
    // A repository may be called as a part of the address is.
    assert.deepEqual(readRegistryPath(`/v2/blobs/manifests/blobs/${digest}`), {
      kind: "blob",
      repository: "blobs/manifests",
      digest,
    });
    for (const path of ["/", "/v2/a/blobs/uploads/", "/v2/a/tags/list", "/v2/a/blobs/v1", "/v2/../x/manifests/v1"])
      assert.deepEqual(readRegistryPath(path), { kind: "other" }, path);
  });

  test("is read or left alone, whatever it is, in bounded time", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 3000 }), (text) => {
        const read = readRegistryPath(`/v2/${text}/manifests/x`);
        assert.ok(["tag", "other"].includes(read.kind));
      }),
    );
    const before = process.cpuUsage();
    readRegistryPath(`/v2/${"a-".repeat(250)}/blobs/${"0".repeat(200)}`);
    assert.ok(process.cpuUsage(before).user < 100_000);
  });
});

describe("which registry a mirror is asked about", () => {
  const rules = [{ name: "docker.io" }, { name: "reg.test:5000", url: "http://10.0.0.5:5000" }];
  const known = (registry: string): boolean => findUpstream(rules, registry) !== undefined;
  const target = (path: string, query = ""): unknown =>
    mirrorTarget(path, new URLSearchParams(query), "docker.io", known);

  test("containerd says it, or the path, or nobody", () => {
    assert.deepEqual(target("/v2/a/manifests/v1", "ns=reg.test%3A5000"), {
      registry: "reg.test:5000",
      path: "/v2/a/manifests/v1",
    });
    assert.deepEqual(target("/v2/reg.test:5000/a/manifests/v1"), {
      registry: "reg.test:5000",
      path: "/v2/a/manifests/v1",
    });
    assert.deepEqual(target("/v2/reg.test_5000/a/manifests/v1"), {
      registry: "reg.test:5000",
      path: "/v2/a/manifests/v1",
    });
    assert.deepEqual(target("/v2/library/a/manifests/v1"), {
      registry: "docker.io",
      path: "/v2/library/a/manifests/v1",
    });
    // A name with a dot that no rule knows may be a repository of the default registry.
    assert.deepEqual(target("/v2/else.test/a/manifests/v1"), {
      registry: "docker.io",
      path: "/v2/else.test/a/manifests/v1",
    });
  });

  test("a registry that no rule names is none of ours; Docker Hub has one address", () => {
    assert.equal(findUpstream(rules, "else.test"), undefined);
    assert.equal(findUpstream([{ name: "*" }], "169.254.169.254/latest"), undefined);
    assert.deepEqual(findUpstream(rules, "index.docker.io"), {
      registry: "docker.io",
      base: "https://registry-1.docker.io",
    });
    assert.deepEqual(findUpstream([{ name: "*" }], "else.test:5000"), {
      registry: "else.test:5000",
      base: "https://else.test:5000",
    });
  });
});

describe("a manifest", () => {
  const descriptor = (char: string) => ({ mediaType: "x/y", digest: sha(char), size: 3 });
  const image = { schemaVersion: 2, config: descriptor("1"), layers: [descriptor("2"), descriptor("3")] };

  test("names its config and layers, an index its manifests", () => {
    const read = readManifest(bytesOf(image));
    assert.equal(read?.mediaType, "application/vnd.oci.image.manifest.v1+json");
    assert.deepEqual(read.kind === "image" && read.layers.map((layer) => layer.digest), [sha("2"), sha("3")]);
    const platform = { os: "linux", architecture: "arm64", variant: "v8" };
    const index = { schemaVersion: 2, manifests: [{ ...descriptor("4"), platform }, descriptor("5")] };
    const list = readManifest(bytesOf(index));
    assert.ok(list?.kind === "index");
    assert.deepEqual(
      choosePlatforms(list.manifests, ["linux/arm64"]).map(({ digest }) => digest),
      [sha("4")],
    );
    assert.equal(choosePlatforms(list.manifests, ["linux/arm64/v8"]).length, 1);
    assert.equal(choosePlatforms(list.manifests, ["linux/amd64"]).length, 0);
    assert.equal(choosePlatforms(list.manifests, []).length, 2);
  });

  test("is none when a part of it is not", () => {
    const bad: unknown[] = [
      null,
      [],
      { ...image, schemaVersion: 1 },
      { ...image, mediaType: "application/zip" },
      { ...image, layers: [{ ...descriptor("2"), digest: "md5:1" }] },
      { ...image, layers: [{ ...descriptor("2"), size: -1 }] },
      { ...image, layers: Array.from({ length: 5000 }, () => descriptor("2")) },
      { ...image, config: undefined },
    ];
    for (const value of bad) assert.equal(readManifest(bytesOf(value)), undefined, JSON.stringify(value)?.slice(0, 80));
    assert.equal(readManifest(new TextEncoder().encode("{")), undefined);
  });

  test("any JSON is read or refused, never thrown at", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void readManifest(bytesOf({ ...image, layers: value }))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readManifest(bytes)));
  });

  test("is given only to who takes its type", () => {
    const type = "application/vnd.oci.image.manifest.v1+json";
    assert.ok(accepts(undefined, type));
    assert.ok(accepts(`text/html, ${type};q=0.5`, type));
    assert.ok(accepts("*/*", type));
    assert.ok(!accepts("application/vnd.docker.distribution.manifest.v1+json", type));
  });
});

describe("a challenge", () => {
  test("of Docker Hub and of a registry behind Basic", () => {
    const hub =
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"';
    assert.deepEqual(bearerChallenge(hub), {
      realm: "https://auth.docker.io/token",
      service: "registry.docker.io",
      scope: "repository:a/b:pull,push",
    });
    assert.deepEqual(readChallenges('Basic realm="a \\"b\\"", Bearer realm=x'), [
      { scheme: "basic", parameters: { realm: 'a "b"' } },
      { scheme: "bearer", parameters: { realm: "x" } },
    ]);
    assert.equal(bearerChallenge("Bearer realm=nowhere"), undefined);
  });

  test("any field is read in bounded time", () => {
    fc.assert(fc.property(fc.string(), (text) => void readChallenges(text)));
    const before = process.cpuUsage();
    for (const text of ["a=".repeat(8000), '"'.repeat(16_000), "a ".repeat(8000), `a="${"\\".repeat(16_000)}`])
      readChallenges(text);
    assert.ok(process.cpuUsage(before).user < 200_000);
  });
});
