/** What an operator asks of one task: who has what of it, which lines carried how much, and why it took so long. */

import { explain, type Member } from "#core/swarm/mod.ts";
import type { Uploads } from "#transfer/mod.ts";
import type { ManagedTask } from "./tasks/mod.ts";

/** Undefined while there is no version that anybody could get. */
export function explainTask(
  managed: ManagedTask,
  uploads: Uploads,
  nowMs: number,
  isManager: (member: string) => boolean,
): object | undefined {
  const version = managed.current;
  const { generation, store, swarm, beganMs, wholeMs, task } = version ?? {};
  if (generation === undefined || store === undefined || swarm === undefined || task === undefined) return undefined;
  const { lengthBytes } = store;
  const pieceBytes = store.object?.pieceBytes ?? 0;
  const borrowers = swarm.members.filter(({ card }) => isManager(card.id)).map(({ card }) => card.id);
  const members = swarm.members.filter(({ card }) => !isManager(card.id));
  // Who came with the whole, after a restart of either, took no time here.
  const finishedOf = (member: Member): number | undefined =>
    member.finishedMs ?? (member.seeding ? member.joinedMs : undefined);
  const hosts = members.map((member) => ({
    id: member.card.id,
    name: member.card.name,
    site: member.card.site,
    crossedBytes: member.crossedBytes,
    heldBytes: Math.min(lengthBytes ?? Infinity, member.held.count * pieceBytes),
    tookMs: Math.round((finishedOf(member) ?? nowMs) - member.joinedMs),
    done: member.seeding,
    parents: member.parents.size,
    children: member.children.size,
    joinedMs: member.joinedMs,
    finishedMs: finishedOf(member),
  }));
  const seededBytes = uploads.bytesOf(task, generation);
  const { originBytes } = managed;
  const explanation = explain({ lengthBytes, nowMs, beganMs, wholeMs, originBytes, seededBytes, hosts });
  return { task, generation, lengthBytes, pieceBytes, originBytes, seededBytes, ...explanation, hosts, borrowers };
}
