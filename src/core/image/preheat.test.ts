/** Preheat orders: what is taken, who is chosen, when an order is over. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  chooseHosts,
  findForwardAction,
  isIntercepted,
  matchesWildcard,
  preheatState,
  readConnectTarget,
  readPreheatOrder,
  type ManagerProgress,
} from "./mod.ts";

const image = { kind: "image", url: "https://reg.test/v2/team/app/manifests/v1" };

describe("an order", () => {
  test("is taken whole, with what it leaves out", () => {
    assert.deepEqual(readPreheatOrder({ what: image }), { order: { what: { ...image, platforms: [] } } });
    const files = { kind: "files", urls: ["http://h/a", "https://h/b"] };
    const hosts = { count: 3, percent: 50, names: ["a"], sites: ["s"] };
    assert.deepEqual(readPreheatOrder({ what: files, hosts, more: 1 }), { order: { what: files, hosts } });
  });

  test("is refused with what is wrong", () => {
    const bad: unknown[] = [
      null,
      { what: { ...image, url: "https://reg.test/v2/team/app/blobs/v1" } },
      { what: { ...image, url: "file:///v2/team/app/manifests/v1" } },
      { what: { kind: "files", urls: [] } },
      { what: { kind: "files", urls: ["ftp://h/a"] } },
      { what: image, hosts: { count: 0 } },
      { what: image, hosts: { percent: 101 } },
      { what: image, hosts: { names: "a" } },
    ];
    for (const value of bad) assert.ok("why" in readPreheatOrder(value), JSON.stringify(value));
    fc.assert(fc.property(fc.jsonValue(), (value) => void readPreheatOrder(value)));
  });
});

test("hosts are chosen by name, site, share and number, the same whatever their order", () => {
  const hosts = ["a", "b", "c", "d", "e"].map((name, index) => ({ id: name, name, site: index < 3 ? "near" : "far" }));
  const chosen = (choice: Parameters<typeof chooseHosts>[1]) =>
    chooseHosts(hosts.toReversed(), choice).map(({ id }) => id);
  assert.deepEqual(chosen({}), ["a", "b", "c", "d", "e"]);
  assert.deepEqual(chosen({ percent: 50 }), ["a", "b", "c"]);
  assert.deepEqual(chosen({ sites: ["far"], percent: 1 }), ["d"]);
  assert.deepEqual(chosen({ names: ["b", "e"], count: 1 }), ["b"]);
});

test("an order is over when every manager has said so, and good only when all is", () => {
  const said = (state: ManagerProgress["state"], failed?: string) => ({
    state,
    hosts: failed === undefined ? [] : [{ host: "h", name: "h", objects: 0, failed }],
  });
  assert.equal(preheatState([], new Map()), "open");
  assert.equal(preheatState(["a", "b"], new Map([["a", said("done")]])), "open");
  assert.equal(
    preheatState(
      ["a"],
      new Map([
        ["a", said("done")],
        ["gone", said("running")],
      ]),
    ),
    "done",
  );
  assert.equal(preheatState(["a"], new Map([["a", said("done", "disk full")]])), "failed");
  assert.equal(preheatState(["a"], new Map([["a", said("failed")]])), "failed");
});

describe("the forward proxy's rules", () => {
  test("the first pattern that fits decides, the query left out", () => {
    const rules = [
      { pattern: "http://a.test/secret/*", action: { kind: "refuse" } },
      { pattern: "*", action: { kind: "direct" } },
    ] as const;
    assert.equal(findForwardAction(rules, "http://a.test/secret/x?y").kind, "refuse");
    assert.equal(findForwardAction(rules, "http://a.test/?u=http://a.test/secret/x").kind, "direct");
    assert.equal(findForwardAction([], "http://a.test/").kind, "swarm");
  });

  test("a star stands for any characters, as a slow twin has it", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 12 });
    const twin = (pattern: string, text: string): boolean =>
      new RegExp(
        `^${pattern
          .split("*")
          .map((part) => part.replaceAll(/\W/g, "\\$&"))
          .join("[^]*")}$`,
      ).test(text);
    fc.assert(
      fc.property(letters, letters, (pattern, text) =>
        assert.equal(matchesWildcard(pattern, text), twin(pattern, text)),
      ),
    );
    const before = process.cpuUsage();
    matchesWildcard("a*".repeat(500), "a".repeat(4000));
    assert.ok(process.cpuUsage(before).user < 1_000_000);
  });

  test("only listed hosts are looked into, at their port", () => {
    assert.deepEqual(readConnectTarget("Reg.test:443"), { host: "reg.test", port: 443 });
    assert.deepEqual(readConnectTarget("[::1]:5000"), { host: "::1", port: 5000 });
    for (const text of ["reg.test", "reg.test:0", "a b:1", "reg.test:99999", "http://x:1"])
      assert.equal(readConnectTarget(text), undefined, text);
    assert.ok(isIntercepted(["reg.test"], "reg.test", 5000));
    assert.ok(isIntercepted(["*.test:443"], "a.reg.test", 443));
    assert.ok(!isIntercepted(["reg.test:443"], "reg.test", 5000));
    assert.ok(!isIntercepted(["reg.test", "*.test"], "evilreg.tests", 443));
  });
});
