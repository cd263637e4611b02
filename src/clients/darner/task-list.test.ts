/** Which managers an operator's question goes to. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { HttpJson, JsonRequest } from "#platform/http-asks/json.ts";
import { knownManagers } from "./task-list.ts";

/** Config services by their URL; nobody else answers. */
function httpOf(services: Readonly<Record<string, readonly string[]>>): { http: HttpJson; asked: string[] } {
  const asked: string[] = [];
  const request = async ({ url }: JsonRequest): Promise<unknown> => {
    asked.push(url.href);
    const urls = services[url.origin];
    if (urls === undefined) throw new DarnerError("network.refused", `cannot connect to ${url.host}`);
    return { managers: urls.map((each) => ({ id: each, url: each, site: "", load: 0, health: "up" })) };
  };
  return { http: { request, close: () => {} }, asked };
}

test("managers that are named are asked, and no config service", async () => {
  const { http, asked } = httpOf({});
  assert.deepEqual(await knownManagers(http, ["http://m1"], { url: "http://config" }), {
    urls: ["http://m1"],
    listed: [],
  });
  assert.deepEqual(asked, []);
});

test("else those that the config service lists: the one that is named, which must answer, or this machine's", async () => {
  const { http } = httpOf({ "http://config": ["http://m1", "http://m2"], "http://127.0.0.1:8080": ["http://own"] });
  assert.deepEqual((await knownManagers(http, [], { url: "http://config" })).urls, ["http://m1", "http://m2"]);
  const own = await knownManagers(http, [], undefined);
  assert.deepEqual([own.urls, own.listed.map(({ id }) => id)], [["http://own"], ["http://own"]]);
  await assert.rejects(knownManagers(http, [], { url: "http://gone" }), { code: "network.refused" });
});

test("where nobody answers on this machine, its manager is asked all the same", async () => {
  const { http, asked } = httpOf({});
  assert.deepEqual(await knownManagers(http, [], undefined), { urls: ["http://127.0.0.1:8002"], listed: [] });
  assert.deepEqual(asked, ["http://127.0.0.1:8080/v1/managers"]);
});
