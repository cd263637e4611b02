/** What a host asks of a sealed object's head before it takes a piece of it. */

import { DarnerError } from "#base/mod.ts";
import { clearLengthOf, sealBytes } from "#core/model/mod.ts";
import type { ManagerMessage } from "#core/protocol/mod.ts";
import { shown, type Sealing } from "#transfer/mod.ts";

export type HeadMessage = Extract<ManagerMessage, { kind: "head" }>;

/**
 * Takes the key of a sealed object. Throws `seal.broken` when it is not the object's or does not fit its
 * lengths, and `isSealedSurprise` where the pieces would lie in a user's output.
 */
export function takeSeal({ head, sealSecret }: HeadMessage, sealing: Sealing, mayLieSealed: boolean): void {
  const { seal, lengthBytes } = head;
  if (seal === undefined) return;
  const cannot = `cannot read ${shown(head.url)}`;
  if (!mayLieSealed)
    throw new DarnerError("cluster.refused", `${cannot} into its output: it travels sealed`, {
      retry: "now",
      facts: { sealed: true },
    });
  if (!sealing.take(sealSecret, seal))
    throw new DarnerError("seal.broken", `${cannot}: the manager did not give the key that it was sealed with`);
  const clearBytes = clearLengthOf(head);
  const isOfItsLength = seal.lengthBytes === undefined || lengthBytes === undefined || seal.lengthBytes === clearBytes;
  const isPossible = head.pieceBytes > sealBytes && (lengthBytes === undefined || clearBytes !== undefined);
  if (!isPossible || !isOfItsLength)
    throw new DarnerError("seal.broken", `${cannot}: its sealed length is not that of the object that was sealed`);
}

/** The object has to be got into the cache first: its pieces are sealed, which nobody could know. */
export function isSealedSurprise(error: unknown): boolean {
  return error instanceof DarnerError && error.facts["sealed"] === true;
}
