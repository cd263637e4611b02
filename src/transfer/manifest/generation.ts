/**
 * The name of one version of one object, cut in one way.
 *
 * Where the origin gives a strong validator the name follows from it, so that any manager and any
 * later run finds the same name for the same bytes and no verified piece is lost; else it is random.
 */

import { bytesWithLengths } from "#base/mod.ts";
import { sha256Hex } from "#platform/keys/digest.ts";
import type { Random } from "#platform/machine/random.ts";

export interface GenerationFacts {
  readonly task: string;
  readonly validator: string | undefined;
  readonly lengthBytes: number | undefined;
  readonly pieceBytes: number;
  /** What it is sealed with: other keys make other bytes. */
  readonly sealKeyId?: string | undefined;
}

/** 32 hex digits. */
export function nameGeneration(facts: GenerationFacts, random: Random): string {
  if (facts.validator === undefined) return Buffer.from(random.bytes(16)).toString("hex");
  const parts = [
    "darner-generation-1",
    facts.task,
    facts.validator,
    String(facts.lengthBytes ?? ""),
    String(facts.pieceBytes),
    ...(facts.sealKeyId === undefined ? [] : [facts.sealKeyId]),
  ];
  return sha256Hex(bytesWithLengths(parts)).slice(0, 32);
}
