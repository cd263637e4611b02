/** Which way is taken, and what is said about it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseWay, type WayFacts } from "./choose-way.ts";

const plain: WayFacts = {
  mode: "p2p",
  backToSource: true,
  socketPath: "/run/d.sock",
  socketNamed: false,
  silence: { says: "there is no such socket", isEmpty: true },
  managers: [],
  configService: undefined,
  daemonStartable: true,
};
const managed: WayFacts = { ...plain, managers: ["http://m:8002"] };

const cases: readonly [what: string, facts: WayFacts, way: string, says: RegExp][] = [
  ["a daemon that answers is used", { ...plain, silence: undefined }, "daemon", /through it/],
  ["a manager without a daemon starts one", managed, "start-daemon", /starting a daemon/],
  [
    "a config service does so too",
    { ...plain, configService: "http://c" },
    "start-daemon",
    /config service http:\/\/c/,
  ],
  ["nothing at all: alone, and how to share", plain, "alone", /to share with other hosts/],
  ["no daemon to be had: alone", { ...managed, daemonStartable: false }, "alone", /no daemon can be started/],
  ["mode source asks no daemon", { ...managed, mode: "source", silence: undefined }, "alone", /mode source/],
  [
    "mode source through a named one",
    { ...plain, mode: "source", socketNamed: true, silence: undefined },
    "daemon",
    /./,
  ],
  ["the origin is forbidden", { ...plain, backToSource: false }, "none", /no manager/],
  [
    "the origin is forbidden, but a daemon answers",
    { ...plain, backToSource: false, silence: undefined },
    "daemon",
    /./,
  ],
];

for (const [what, facts, way, says] of cases) {
  test(what, () => {
    const choice = chooseWay(facts);
    assert.equal(choice.way.kind, way);
    assert.match(choice.reasons.join("\n"), says);
  });
}

test("a forbidden origin is another error when a socket was named", () => {
  const codeOf = (facts: WayFacts): string => {
    const { way } = chooseWay(facts);
    return way.kind === "none" ? way.error.code : "";
  };
  assert.equal(codeOf({ ...plain, backToSource: false }), "cluster.unreachable");
  assert.equal(codeOf({ ...plain, backToSource: false, socketNamed: true }), "daemon.unreachable");
});
