/** What doctor says of memberships that count and that do not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Member } from "#core/model/mod.ts";
import { judgeMembership } from "./doctor-identity.ts";

const dayMs = 86_400_000;
const wallMs = 100 * dayMs;
const member: Member = {
  role: "host",
  id: "ab",
  publicKey: "",
  startsAtMs: wallMs - dayMs,
  endsAtMs: wallMs + 6 * dayMs,
};
const said = (changes: Partial<Member>, refusal?: string): string => {
  const { level, text } = judgeMembership({ directory: "/d", member: { ...member, ...changes }, refusal }, wallMs);
  return `${level}: ${text}`;
};

test("a membership counts, is about to end, has ended, is from the future, was revoked, or cannot be read", () => {
  assert.equal(said({}), "ok: host ab, certified for 6.0 days more");
  assert.match(
    said({ startsAtMs: wallMs - 6 * dayMs, endsAtMs: wallMs + dayMs }),
    /^warn: .* was not renewed; start it$/,
  );
  assert.match(said({ endsAtMs: wallMs }), /^fail: .* has ended; join the cluster again/);
  assert.match(said({ startsAtMs: wallMs + 90_000 }), /^warn: .* 90 s ahead; let NTP set the clock$/);
  assert.match(said({}, "the member ab was revoked"), /^fail: host ab \(\/d\): the member ab was revoked$/);
  assert.deepEqual(judgeMembership({ directory: "/d", member: undefined, trouble: "cannot use it" }, wallMs), {
    level: "fail",
    subject: "identity",
    text: "cannot use it",
  });
});
