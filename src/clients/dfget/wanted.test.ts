/** From what was typed to what is wanted: lists, ranges, headers, logins, outputs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRange } from "./byte-range.ts";
import { parseList } from "./list-lines.ts";
import { findLogin, parseHeaders } from "./request-headers.ts";
import { assertDistinctOutputs, wantedFrom, type WantedCommon } from "./wanted.ts";

const common: WantedCommon = {
  output: undefined,
  directory: undefined,
  headers: {},
  netrc: undefined,
  digest: undefined,
  range: undefined,
  filterQuery: [],
  tag: "",
  sensitive: false,
};

test("a list's lines have one to three columns; comments and empty lines are passed over", () => {
  assert.deepEqual(parseList("http://h/a\r\n\n# no\nhttp://h/b\tout\nhttp://h/c\t\tmd5:1\n", "list"), [
    { url: "http://h/a", place: "line 1 of list" },
    { url: "http://h/b", place: "line 4 of list", output: "out" },
    { url: "http://h/c", place: "line 5 of list", digest: "md5:1" },
  ]);
  assert.throws(() => parseList("http://h/a\n\tout\n", "list"), { code: "usage", message: /line 2 of list/ });
  assert.throws(() => parseList("a\tb\tc\td", "list"), { code: "usage" });
  assert.throws(() => parseList("http://h/a out", "list"), { code: "usage", message: /line 1 of list: .* a space/ });
});

test("a range counts from 0 and includes its last byte", () => {
  assert.deepEqual(parseRange("0-99"), { start: 0, end: 100 });
  assert.deepEqual(parseRange("5-"), { start: 5 });
  for (const text of ["-5", "9-1", "a-b", "", "1", "1-2,4-5"]) assert.throws(() => parseRange(text), { code: "usage" });
});

test("headers are read as they are sent; a bad one is refused without its value", () => {
  assert.deepEqual(parseHeaders(["Accept: text/html", "X-A:b:c", "", "x-a: d"]), { "accept": "text/html", "x-a": "d" });
  for (const line of ["no colon s3cret", "bad name: s3cret", "X: s3\r\ncret: s3cret", "Range: s3cret"]) {
    assert.throws(
      () => parseHeaders([line]),
      (error: Error) => !error.message.includes("s3cret"),
    );
  }
});

test("a netrc's login is that of the host, else the default", () => {
  const netrc = [
    "machine a.example login ann password one",
    'machine b.example\n  login "b o"\n  password "t\\"wo" # no comment here',
    "macdef init\nmachine evil.example login x password y\n",
    "default login anonymous password guest",
  ].join("\n");
  assert.deepEqual(pair(findLogin(netrc, "A.example")), ["ann", "one"]);
  assert.deepEqual(pair(findLogin(netrc, "b.example")), ["b o", 't"wo']);
  assert.deepEqual(pair(findLogin(netrc, "evil.example")), ["anonymous", "guest"]);
  assert.equal(findLogin("machine a login b password c", "z"), undefined);
});

const pair = (login: { user: string; password: string } | undefined): (string | undefined)[] => [
  login?.user,
  login?.password,
];

test("a URL's user and password become a header and leave the URL; no name shows the query", () => {
  const wanted = wantedFrom({ url: "https://ann:p%40ss@h/f?sig=1#frag" }, common);
  assert.equal(wanted.url, "https://h/f?sig=1");
  assert.equal(wanted.name, "https://h/f");
  assert.equal(wanted.headers["authorization"], `Basic ${Buffer.from("ann:p@ss").toString("base64")}`);
});

test("-P is a folder for names, -O stands alone", () => {
  const outputOf = (line: { url: string; output?: string }, more: Partial<WantedCommon>): string =>
    wantedFrom(line, { ...common, ...more }).output;
  assert.equal(outputOf({ url: "http://h/a" }, { directory: "d/" }), "d/a");
  assert.equal(outputOf({ url: "http://h/a" }, { directory: "/" }), "/a");
  assert.equal(outputOf({ url: "http://h/a", output: "/abs" }, { directory: "d" }), "/abs");
  assert.equal(outputOf({ url: "http://h/a" }, { directory: "d", output: "o" }), "o");
});

test("no two objects go to one output", () => {
  const make = (output: string) => wantedFrom({ url: "http://h/a", output }, common);
  assert.throws(() => assertDistinctOutputs([make("a"), make("a")]), { code: "usage" });
  assert.throws(() => assertDistinctOutputs([make("-"), make("b")]), { code: "usage" });
  assertDistinctOutputs([make("-")]);
  assertDistinctOutputs([make("a"), make("b")]);
});
