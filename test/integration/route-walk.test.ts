/**
 * Every route of every role of a cluster, asked without a credential, with a host's certificate and with
 * tokens of each scope. The routes come from `GET /` of the running processes, so that none is left out.
 */

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import * as net from "node:net";
import { test } from "node:test";
import type { DarnerError } from "#base/mod.ts";
import type { MemberRole, Scope } from "#core/model/mod.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import type { HttpJson, JsonRequest } from "#platform/http-asks/json.ts";
import { createNodeIdentity, createNodeVisitor } from "#platform/keys/identity.node.ts";
import type { TlsParty } from "#platform/keys/identity.ts";
import { signingKeyFromPem } from "#platform/keys/signing.ts";
import { Place } from "./darner-up.ts";

/** Their refusals have tests of their own: joining.test.ts, swarm.test.ts. */
const ownCredential = new Set(["POST /v1/join", "UPGRADE /pieces"]);

interface ListedRoute {
  readonly method: JsonRequest["method"] | "UPGRADE";
  readonly path: string;
  readonly access: "open" | "own-credential" | readonly string[];
}

const openRoutes = new Set([
  "GET /",
  "GET /metrics",
  "GET /healthz",
  "GET /healthy",
  "GET /readyz",
  "GET /v1/authority",
]);

test("no route but the few that are open answers without a credential, and none beyond the credential's right", async (t) => {
  const place = new Place();
  t.after(() => place.remove());
  const up = await place.up("--listen", "0.0.0.0", "--advertise", "127.0.0.1");
  const words = /darner (join \S+ \S+)$/m.exec(up.text)![1]!.split(" ");
  assert.equal((await place.run("darner", ...words, "--data-dir", place.path("second"))).status, 0);
  const walks: readonly [string, MemberRole][] = [
    [up.configService, "config-service"],
    [up.manager, "manager"],
  ];
  const plain = createNodeHttpJson();
  const { authority } = (await get(plain, up.configService, "/v1/authority")) as { authority: string };
  const token = async (scope: Scope): Promise<string> => {
    const words = ["token", "create", scope, "--scope", scope, "--data-dir", place.path("data")];
    return (await place.run("darner", ...words)).stdout.trim();
  };
  const tokens: Readonly<Record<Scope, string>> = {
    read: await token("read"),
    preheat: await token("preheat"),
    admin: await token("admin"),
  };
  const guess = tokens.admin.replace(/_[\w-]{32}\./, `_${"A".repeat(32)}.`);
  let walked = 0;
  for (const [url, role] of walks) {
    const routes = await listed(plain, url);
    for (const route of routes) {
      walked++;
      const label = `${route.method} ${route.path} of the ${role}`;
      if (route.access === "open") {
        assert.ok(openRoutes.has(`${route.method} ${route.path}`), `${label} is open`);
        continue;
      }
      if (route.access === "own-credential") {
        assert.ok(ownCredential.has(`${route.method} ${route.path}`), `${label} asks by itself`);
        continue;
      }
      const asked = (party: TlsParty | undefined, bearer?: string) => codeOf(party, url, role, route, bearer);
      assert.equal(await asked(undefined), "trust.credential", `${label}, plain`);
      assert.equal(await asked(createNodeVisitor(authority)), "trust.credential", `${label}, over TLS`);
      assert.equal(await asked(createNodeVisitor(authority), guess), "trust.credential", `${label}, a guessed token`);
      if (route.method === "UPGRADE") continue;
      for (const scope of ["read", "preheat"] as const) {
        const code = await asked(createNodeVisitor(authority), tokens[scope]);
        if (route.access.includes(scope)) assert.notEqual(code, "trust.right", `${label} with ${scope}`);
        else assert.equal(code, "trust.right", `${label} with ${scope}`);
      }
      if (!route.access.includes("host")) {
        assert.equal(await asked(host(place, authority)), "trust.right", `${label}, as a host`);
      }
    }
  }
  assert.ok(walked > 25, `${walked} routes are walked`);
  assert.deepEqual(
    (await listed(plain, up.daemon)).map(({ method, path, access }) => `${method} ${path} ${String(access)}`),
    ["GET /metrics open", "GET /healthz open", "GET /readyz open", "UPGRADE /pieces own-credential"],
    "a daemon's port has nothing else",
  );
  for (const socket of [up.socket, place.path("data/config-service/admin.sock")]) {
    assert.equal(statSync(socket).mode & 0o007, 0, `${socket} is closed to other users`);
  }
  assert.equal(await codeOf(undefined, up.configService, "config-service", join), "trust.join", "an empty join");
  plain.close();
});

const join: ListedRoute = { method: "POST", path: "/v1/join", access: "own-credential" };

async function listed(http: HttpJson, url: string): Promise<readonly ListedRoute[]> {
  return ((await get(http, url, "/")) as { routes: ListedRoute[] }).routes;
}

function get(http: HttpJson, url: string, path: string): Promise<unknown> {
  return http.request({ method: "GET", url: new URL(path, `http://${new URL(url).host}`), timeoutMs: 5000 });
}

/** The second machine, which has joined. */
function host(place: Place, authority: string): TlsParty {
  const folder = place.path("second/daemon");
  const key = signingKeyFromPem(readFileSync(`${folder}/key.pem`, "utf8"));
  return createNodeIdentity({ authority, certificate: readFileSync(`${folder}/certificate.pem`, "utf8"), key });
}

/** What a call comes to: the refusal's code, or `answered`. */
async function codeOf(
  party: TlsParty | undefined,
  to: string,
  role: MemberRole,
  { method, path }: ListedRoute,
  bearer?: string,
): Promise<string> {
  if (method === "UPGRADE") return await upgradeCode(to, path);
  const http = createNodeHttpJson(party);
  const { host: place } = new URL(to);
  // Ids that name nothing: an answer that is let through changes nothing.
  const url = new URL(path.replaceAll(/:\w+/g, "nobody"), `${party === undefined ? "http" : "https"}://${place}`);
  try {
    await http.request({ method, url, role, bearer, timeoutMs: 5000, ...(method === "GET" ? {} : { body: {} }) });
    return "answered";
  } catch (error) {
    return (error as DarnerError).code;
  } finally {
    http.close();
  }
}

/** An upgrade on a plain connection, as anybody on the network may try one. */
function upgradeCode(to: string, path: string): Promise<string> {
  const { hostname, port } = new URL(to);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: darner\r\nDarner-Version: 1.0\r\n\r\n`,
      ),
    );
    let head = "";
    socket.setEncoding("utf8").on("data", (text: string) => (head += text));
    socket.on("close", () => resolve(head.startsWith("HTTP/1.1 401 ") ? "trust.credential" : head)).on("error", reject);
  });
}
