/** What may lie on a disk of URLs and answers: never a secret, and still enough to tell two URLs apart. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { concealFacts, concealUrl } from "./concealed.ts";

test("values of the query, user, password and fragment are gone; names and order stay", () => {
  const url = concealUrl("https://u:pw@h/a/b?key=SECRET&FLAG&empty=#part");
  assert.match(url, /^https:\/\/h\/a\/b\?key=~[0-9a-f]{16}&~[0-9a-f]{16}&empty=~[0-9a-f]{16}$/);
  assert.equal(concealUrl(url), url, "twice is as good as once");
});

test("equal URLs stay equal, different ones different", () => {
  assert.equal(concealUrl("http://h/a?x=1&y=2"), concealUrl("http://h/a?x=1&y=2"));
  for (const other of [
    "http://h/a?x=1&y=3",
    "http://h/a?y=2&x=1",
    "http://h/a?x=1",
    "http://h/a",
    "http://h/b?x=1&y=2",
  ])
    assert.notEqual(concealUrl(other), concealUrl("http://h/a?x=1&y=2"));
});

test("of an answer's headers those that caching needs stay", () => {
  const headers = { "etag": '"v"', "cache-control": "max-age=1", "set-cookie": "s=1", "location": "http://h/?t=1" };
  const facts = concealFacts({ status: 200, url: "http://h/?t=1", headers, requestedAtMs: 0, answeredAtMs: 0 });
  assert.deepEqual(Object.keys(facts.headers), ["etag", "cache-control"]);
});
