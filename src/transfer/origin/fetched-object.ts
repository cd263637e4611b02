/** What is written down of an object when the first answer for it comes, and in which form it will lie. */

import { strongValidator } from "#core/freshness/mod.ts";
import { choosePieceBytes, sealedLength } from "#core/model/mod.ts";
import type { ObjectRecord } from "#storage/pieces/mod.ts";
import { concealFacts, concealUrl, notSealed } from "../rights/mod.ts";
import { isResumable, windowLength, type BodyAnswer } from "./origin-answer.ts";
import type { OriginFetchOptions } from "./origin-fetch-options.ts";

/** The object that the answer begins; one that is to lie sealed gets its key. */
export function recordOf(answer: BodyAnswer, options: OriginFetchOptions): ObjectRecord {
  const { url, hosts, window, sealing, random } = options;
  const clearBytes = windowLength(answer.lengthBytes, window);
  const pieceBytes = options.pieceBytes ?? choosePieceBytes(clearBytes, hosts);
  const validator = strongValidator(answer.facts);
  const version = { validator, lengthBytes: clearBytes, pieceBytes, sealKeyId: undefined };
  const seal = sealing?.renew(random, options.generationOf(version), clearBytes);
  const lengthBytes = clearBytes === undefined ? undefined : storedLength(clearBytes, { seal, pieceBytes });
  return {
    kind: "object",
    url: concealUrl(url),
    generation: options.generationOf({ validator, lengthBytes, pieceBytes, sealKeyId: seal?.keyId }),
    pieceBytes,
    ...(lengthBytes === undefined ? {} : { lengthBytes }),
    ...(validator === undefined ? {} : { validator }),
    ...(seal === undefined ? {} : { seal }),
    notes: { facts: concealFacts(answer.facts), ...(window === undefined ? {} : { window }) },
  };
}

/** How many bytes an object takes as it lies. */
export function storedLength(
  clearBytes: number,
  object: Pick<ObjectRecord, "pieceBytes"> & { seal?: unknown },
): number {
  return object.seal === undefined ? clearBytes : sealedLength(clearBytes, object.pieceBytes);
}

/** What is stored can be gone on with: it lies in the form that is wanted, and its key is here. */
export function mayGoOn({ store, sealing = notSealed }: OriginFetchOptions): boolean {
  const inForm = (store.object?.seal === undefined) === (sealing === notSealed);
  return inForm && sealing.opens(store.object) && isResumable(store);
}
