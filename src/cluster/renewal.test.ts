/** A certificate kept fresh, on a clock moved by hand. */

import * as assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "#base/mod.ts";
import type { Member } from "#core/model/mod.ts";
import type { Identity } from "#platform/keys/identity.ts";
import { silentLog } from "#platform/telemetry/log.ts";
import { manualClock } from "../../test/manual-clock.ts";
import { startRenewal } from "./mod.ts";

const dayMs = 86_400_000;
const random = { unit: () => 0.5, bytes: (length: number) => new Uint8Array(length) };

function identityUntil(startsAtMs: number, lifeMs: number) {
  let member: Member = { role: "host", id: "a", publicKey: "", startsAtMs, endsAtMs: startsAtMs + lifeMs };
  const identity: Pick<Identity, "member" | "renew"> = {
    get member() {
      return member;
    },
    renew(until) {
      member = { ...member, startsAtMs: Number(until) - lifeMs, endsAtMs: Number(until) };
    },
  };
  return identity as Identity;
}

test("from the middle of its life on a new one is asked for, again and again while none comes", async () => {
  const clock = manualClock();
  const identity = identityUntil(clock.wallMs(), 2 * dayMs);
  const asked: number[] = [];
  const kept: string[] = [];
  let away = true;
  const startMs = clock.wallMs();
  const renewal = startRenewal({
    clock,
    random,
    log: silentLog,
    identity,
    async renew() {
      asked.push(clock.wallMs() - startMs);
      if (away) throw new DarnerError("network.refused", "nothing listens");
      return String(clock.wallMs() + 2 * dayMs);
    },
    onRenewed: (certificate) => kept.push(certificate),
  });
  await clock.advance(dayMs - 1);
  assert.deepEqual(asked, [], "not before the middle");
  await clock.advance(dayMs / 2);
  assert.ok(asked.length > 20 && asked.length < 500, `${asked.length} times in half a day`);
  away = false;
  await clock.advance(600_000);
  assert.deepEqual([kept.length, identity.member.endsAtMs > clock.wallMs() + 1.9 * dayMs], [1, true]);
  const before = asked.length;
  await clock.advance(dayMs / 2);
  assert.equal(asked.length, before);
  renewal.stop();
  await clock.advance(10 * dayMs);
  assert.equal(asked.length, before);
});
