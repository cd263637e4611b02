/** What a proxy passes on untouched stays within the caller's reach: through a tunnel and through the relay. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { after, test } from "node:test";
import type { ReachRule } from "./address-rule.ts";
import { createNodeRelay } from "../http-proxy/relay.node.ts";
import { serverCheck } from "./server-check.node.ts";
import { nodeTunnel } from "./tunnel.node.ts";

const closed: ReachRule = {
  refusal: (address) => (address.startsWith("127.") || address === "::1" ? "its address is loopback" : null),
  urlRefusal: (url) => (url.port === "1" ? "its port 1 is not allowed" : null),
};

let visits = 0;
const origin = http.createServer((_, response) => response.end(`visit ${++visits}`)).listen(0, "127.0.0.1");
await once(origin, "listening");
const originPort = (origin.address() as net.AddressInfo).port;
after(() => void origin.close());

/** What a client of a proxy that tunnels gets as its first words. */
async function tunnelled(host: string, port: number, rule: ReachRule | undefined): Promise<string> {
  const proxy = net.createServer((socket) => nodeTunnel.open(socket, Buffer.alloc(0), { host, port, rule }));
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const client = net.connect((proxy.address() as net.AddressInfo).port, "127.0.0.1");
  const [words] = (await once(client, "data")) as [Buffer];
  client.destroy();
  proxy.close();
  return words.toString();
}

test("a tunnel goes where the caller may reach, and nowhere else, by address, by name or by port", async () => {
  assert.match(await tunnelled("127.0.0.1", originPort, undefined), /^HTTP\/1\.1 200 /);
  assert.match(await tunnelled("127.0.0.1", originPort, closed), /^HTTP\/1\.1 403 .*loopback/s);
  assert.match(await tunnelled("192.0.2.1", 1, closed), /^HTTP\/1\.1 403 .*port 1 is not allowed/s);
  assert.match(await tunnelled("localhost", originPort, closed), /^HTTP\/1\.1 502 .*loopback/s);
});

test("the relay asks nothing of a server that the caller may not reach", async () => {
  for (const [rule, expected] of [
    [undefined, "visit 1"],
    [closed, "refused"],
  ] as const) {
    const relay = createNodeRelay(rule === undefined ? {} : { ruleFor: () => rule });
    for (const host of rule === undefined ? ["127.0.0.1"] : ["127.0.0.1", "localhost", "[::1]"]) {
      const target = { url: new URL(`http://${host}:${originPort}/x`), name: "x" };
      const proxy = http.createServer((request, response) => {
        relay.pass(request, response, target).catch((error: { code: string }) => {
          assert.equal(error.code, "reach.refused", host);
          response.end("refused");
        });
      });
      await once(proxy.listen(0, "127.0.0.1"), "listening");
      const { port } = proxy.address() as net.AddressInfo;
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), expected, host);
      proxy.closeAllConnections();
      proxy.close();
    }
    relay.close();
  }
  assert.equal(visits, 1);
});

test("the swarm works for nobody who asks for a server out of his reach, by address, name or port", async () => {
  const check = serverCheck(() => closed);
  for (const url of [
    "https://127.0.0.1:5000/v2/",
    "https://localhost/v2/",
    "https://[::1]/v2/",
    "https://192.0.2.1:1/",
  ])
    await assert.rejects(check("10.0.0.1", new URL(url)), { code: "reach.refused" }, url);
  await check("10.0.0.1", new URL("https://192.0.2.1/v2/"));
  await check("10.0.0.1", new URL("https://no-such-name.invalid/v2/"));
});
