/** Pure questions about a version of an object: is it the same, may it be kept, what must it hash to. */

import { judge, strongValidator, type ResponseFacts } from "#core/freshness/mod.ts";
import { parseDigest, type Digest } from "#core/model/mod.ts";
import type { TaskAsk } from "#core/protocol/mod.ts";
import type { OriginRequest } from "#origins/mod.ts";
import type { BodyAnswer } from "#transfer/mod.ts";
import type { TaskVersion } from "./task-version.ts";

/** An origin that takes no conditions sends the whole again, though its validator promises the same bytes. */
export function isSameVersion(version: TaskVersion, answer: BodyAnswer): boolean {
  const { facts } = version;
  if (facts === undefined) return false;
  const validator = strongValidator(facts);
  const sameLength = answer.lengthBytes === undefined || answer.lengthBytes === version.store.clearLengthBytes;
  return validator !== undefined && validator === strongValidator(answer.facts) && sameLength;
}

/** On which an origin need not send again what these facts are of; undefined where nothing names it. */
export function conditionOf({ headers }: ResponseFacts): OriginRequest["unless"] {
  const { etag, "last-modified": lastModified } = headers;
  if (etag === undefined && lastModified === undefined) return undefined;
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}

/** Whether the origin forbids to keep it. A credential is part of the task's key, so it alone is no reason. */
export function mustPass({ facts, ask }: TaskVersion): boolean {
  if (facts === undefined) return false;
  const known = passes.get(facts);
  if (known !== undefined) return known;
  const { storable, because } = judge(facts, ask.headers);
  const must = storable === "transfer-only" && because !== "authorization";
  passes.set(facts, must);
  return must;
}

/** Facts are of one version, which is asked about each time that a host comes or goes. */
const passes = new WeakMap<ResponseFacts, boolean>();

/** What the asker knows of the object's digest. */
export function expectedDigests(ask: TaskAsk): Digest[] {
  return ask.digest === undefined ? [] : [parseDigest(ask.digest)];
}

/** Why what an earlier run kept is of no use: its key cannot be made again, or what is secret must not lie in clear. */
export function whyUseless({ store, sealing }: TaskVersion, mustSeal: boolean): string | undefined {
  if (!sealing.opens(store.object)) return "it is sealed, and its key went with the run that made it";
  const isBare = store.object?.seal === undefined && store.object?.notes?.["guarded"] === true;
  return isBare && mustSeal ? "it lies in clear" : undefined;
}
