/**
 * A registry of a test's own: Debian's docker-registry on a free port of loopback, with what it was
 * asked, in order. Anonymous, or with htpasswd.
 */

import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { endsWithTest } from "../ending.ts";

const startMsMax = 20_000;
const markPrefix = "/v2/mark-";

export interface RegistryOptions {
  /** Basic credentials that it wants; bcrypt of them comes from `htpasswd` text. */
  readonly htpasswd?: string;
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly rootCertificate: string;
  };
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export class Registry {
  readonly folder = mkdtempSync(join(tmpdir(), "darner-registry-"));
  readonly port: number;
  readonly #child: ChildProcess;
  #log = "";
  #marks = 0;

  private constructor(port: number, options: RegistryOptions) {
    this.port = port;
    const path = join(this.folder, "registry.yml");
    const auth: Record<string, unknown> = {};
    if (options.htpasswd !== undefined) {
      writeFileSync(join(this.folder, "htpasswd"), options.htpasswd);
      auth["htpasswd"] = { realm: "test", path: join(this.folder, "htpasswd") };
    }
    if (options.token !== undefined) {
      writeFileSync(join(this.folder, "root.pem"), options.token.rootCertificate);
      const { realm, service, issuer } = options.token;
      auth["token"] = { realm, service, issuer, rootcertbundle: join(this.folder, "root.pem") };
    }
    const settings = {
      version: "0.1",
      log: { accesslog: { disabled: false } },
      storage: {
        filesystem: { rootdirectory: join(this.folder, "data") },
        delete: { enabled: true },
        maintenance: { uploadpurging: { enabled: false } },
      },
      http: { addr: `127.0.0.1:${port}` },
      ...(Object.keys(auth).length === 0 ? {} : { auth }),
    };
    // JSON is YAML.
    writeFileSync(path, JSON.stringify(settings));
    this.#child = spawn("docker-registry", ["serve", path], { stdio: ["ignore", "pipe", "pipe"] });
    endsWithTest(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
  }

  static async start(options: RegistryOptions = {}): Promise<Registry> {
    const registry = new Registry(await freePort(), options);
    const endMs = performance.now() + startMsMax;
    while ((await statusOf(`http://127.0.0.1:${registry.port}/v2/`)) === 0) {
      assert(performance.now() < endMs, `docker-registry answers: ${registry.#log}`);
      await delay(50);
    }
    await registry.forget();
    return registry;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** What it was asked is in its log: it writes a line when an answer is over, behind who reads the answer. */
  async settled(): Promise<void> {
    const mark = `${markPrefix}${++this.#marks}/manifests/x`;
    await statusOf(`${this.url}${mark}`);
    const endMs = performance.now() + startMsMax;
    while (!this.#log.includes(mark)) {
      assert(performance.now() < endMs, `docker-registry logs what it was asked: ${this.#log}`);
      await delay(10);
    }
  }

  /** What it was asked since `forget` that is in its log, pings left out. */
  get asked(): Asked[] {
    const lines = this.#log.matchAll(/"(GET|HEAD|PUT|POST|PATCH) (\/v2\/[^ ?]+)[^"]*" (\d{3})/g);
    return Array.from(lines, ([, method, path, status]) => ({
      method: method!,
      path: path!,
      status: Number(status),
    })).filter(({ path }) => !path.startsWith(markPrefix));
  }

  /** Successful GETs of blobs, by digest. */
  get blobGets(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { method, path, status } of this.asked) {
      const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(path)?.[1];
      if (method === "GET" && status < 300 && digest !== undefined) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    return counts;
  }

  manifests(method: "GET" | "HEAD"): Asked[] {
    return this.asked.filter((asked) => asked.method === method && asked.path.includes("/manifests/"));
  }

  async forget(): Promise<void> {
    await this.settled();
    this.#log = "";
  }

  /** An OCI layout's image, pushed under this name. */
  async push(folder: string, tag: string, name: string, credentials?: string): Promise<void> {
    const rights = credentials === undefined ? [] : ["--dest-creds", credentials];
    const words = ["--insecure-policy", "copy", "--all", "--dest-tls-verify=false", ...rights];
    // Not the blocking form: its token may come from this very process.
    await promisify(execFile)("skopeo", [...words, `oci:${folder}:${tag}`, `docker://${this.address}/${name}`], {
      timeout: 30_000,
    });
    await this.forget();
  }

  async end(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** False when all are there, else why a test is skipped. */
export function missing(...programs: readonly string[]): string | false {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const absent = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return absent.length === 0 ? false : `needs ${absent.join(", ")} (apt-get install docker-registry skopeo podman ...)`;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", () => resolve(0));
  });
}
