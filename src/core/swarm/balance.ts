/**
 * How a running swarm is kept even. A host that starved, came late or has slow parents gets less than
 * others, and what it has lost it never makes up: where all lines are full nobody has anything to spare.
 * So each host that reports is held against a few others drawn by chance, and one parent of it changes:
 *
 *  - a host that is behind gets one more;
 *  - one that is not, and has more than it should, gives back the one that feeds most;
 *  - else the one that feeds most, if it feeds more than its line is for, makes room for one that feeds less,
 *    so that in the end each feeds as many as feed it, a slow one fewer.
 *
 * Behind is who got fewer pieces since it came than others with such a line get in such a time; far behind is
 * who has a slow line, and is left alone. docs/decisions/0080 and 0085 have the comparisons.
 */

import { loadOf, timesAsFast } from "./lines.ts";
import { busiestOf, childrenMax, link, parentsMax, parentsWanted, unlink, type Member } from "./members.ts";

/** Members to draw for one comparison. */
export const comparedWith = 8;
/** More than are on their way at a time: fewer may be chance. */
const behindPiecesMin = 12;
/** Further behind than this share of what it got, its own line is the limit. */
const behindShareMax = 0.25;

/** True when the member's parents have changed. `mayFeed` says who of `others` may feed it. */
export function balance(
  member: Member,
  others: readonly Member[],
  mayFeed: (other: Member) => boolean,
  nowMs: number,
): boolean {
  if (member.parents.size === 0) return false;
  const behind = piecesBehind(member, others, nowMs);
  const busiest = busiestOf(member.parents);
  if (behind <= 0 && member.parents.size > parentsWanted) {
    unlink(member, busiest);
    return true;
  }
  const lags = behind > behindPiecesMin && behind < behindShareMax * member.came && member.parents.size < parentsMax;
  let least = lags ? Infinity : loadOf(busiest);
  if (least <= parentsWanted) return false;
  let next: Member | undefined;
  for (const other of others) {
    if (other.children.size >= childrenMax || member.parents.has(other) || !mayFeed(other)) continue;
    // A whole line's difference: who takes little of a line need not move for little.
    const load = loadOf(other) + Math.max(1, timesAsFast(member, other));
    if (load >= least || !other.held.exceeds(member.held)) continue;
    least = load;
    next = other;
  }
  if (next === undefined) return false;
  if (!lags) unlink(member, busiest);
  link(member, next);
  return true;
}

/**
 * How many pieces more the others' mean pace would have brought it since it came. Each one's pace is of when it
 * told last: hosts of a crowd report seldom, and what the others have got since would hide what this one lacks.
 */
function piecesBehind(member: Member, others: readonly Member[], nowMs: number): number {
  let pace = 0;
  let downloading = 0;
  for (const other of others) {
    if (other === member || other.seeding || other.toldMs === other.joinedMs) continue;
    if (timesAsFast(other, member) !== 1) continue;
    pace += other.came / (other.toldMs - other.joinedMs);
    downloading++;
  }
  // With nobody to be held against it is neither behind nor ahead.
  return downloading === 0 ? behindPiecesMin : (pace / downloading) * (nowMs - member.joinedMs) - member.came;
}
