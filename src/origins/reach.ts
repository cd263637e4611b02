/**
 * The reach policy at work on answers: how long one may take, how large an object may be. Which URLs
 * and addresses may be asked is core/reach's to say.
 */

import { DarnerError, following, formatBytes } from "#base/mod.ts";
import { addressRefusal, reachEverything, type Caller, type ReachPolicy } from "#core/reach/mod.ts";
import type { Clock } from "#platform/machine/clock.ts";
import type { AddressRule } from "#platform/sockets/address-rule.ts";
import type { OriginAnswer, OriginBody } from "./origin.ts";

/** The policy as it is now, and one rule object for each kind of caller: kept connections hang on them. */
export interface Reach {
  policy(): ReachPolicy;
  addressRule(caller: Caller): AddressRule;
}

export function reachBy(policy: () => ReachPolicy = () => reachEverything): Reach {
  const ruleFor = (caller: Caller): AddressRule => ({
    refusal: (address) => addressRefusal(policy(), address, caller),
  });
  const rules = { near: ruleFor("near"), far: ruleFor("far") };
  return { policy, addressRule: (caller) => rules[caller] };
}

export function refusedByPolicy(name: string, refusal: string): DarnerError {
  return new DarnerError("reach.refused", `cannot fetch ${name}: ${refusal} by the reach policy; ask its operator`);
}

/** Ends the request and its body after the policy's time. `end` is to be called when all has come. */
export function timeLimited(
  reach: Reach,
  clock: Clock,
  name: string,
  signal: AbortSignal,
): { readonly signal: AbortSignal; end(): void } {
  const { answerMsMax } = reach.policy();
  if (answerMsMax === Infinity) return { signal, end: () => {} };
  const own = following(signal);
  const says = `it took longer than the reach policy's ${Math.round(answerMsMax / 1000)} s (--origin-time-max)`;
  const late = (): DarnerError => new DarnerError("network.timeout", `stopped fetching ${name}: ${says}`);
  const timer = clock.after(answerMsMax, () => own.abort(late()), { background: true });
  const end = (): void => {
    timer.cancel();
    own.release();
  };
  return { signal: own.signal, end };
}

/** Throws `reach.refused`, at once or when more comes than the policy allows. */
export function sizeLimited(
  reach: Reach,
  answer: Extract<OriginAnswer, { kind: "body" }>,
  name: string,
  ended: () => void,
): OriginAnswer {
  const { objectBytesMax } = reach.policy();
  const tooLong = (): DarnerError =>
    refusedByPolicy(name, `it is longer than the ${formatBytes(objectBytesMax)} allowed`);
  if ((answer.lengthBytes ?? 0) > objectBytesMax) throw tooLong();
  const { body, start } = answer;
  let position = start;
  const came = (count: number): void => {
    position += count;
    if (position > objectBytesMax) throw tooLong();
  };
  const limited: OriginBody = {
    async readInto(into, flow) {
      const count = await body.readInto(into, flow);
      came(count);
      if (count < into.length) ended();
      return count;
    },
    close() {
      ended();
      body.close();
    },
    async *[Symbol.asyncIterator]() {
      try {
        for await (const chunk of body) {
          came(chunk.length);
          yield chunk;
        }
      } finally {
        ended();
      }
    },
  };
  return { ...answer, body: limited };
}
