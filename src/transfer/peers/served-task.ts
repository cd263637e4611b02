/**
 * One version of a task as it is served to children: what the owner of its bytes says of it, and what is
 * kept of its sending (the state of `Uploads`, one for each version).
 */

import { UploadQueue, type Child } from "#core/swarm/mod.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";
import type { ChildConnection } from "./child-connection.ts";

export interface ServedTask {
  readonly task: string;
  readonly generation: string;
  readonly store: PieceFile;
  /** No other site has had its pieces: what has left this one once is not sent out of it again too soon. */
  readonly fromOrigin?: boolean;
  /** Still being fetched: most slots are kept for pieces that nobody has yet. */
  readonly growing?: () => boolean;
  /** A piece that the store has could not be read. Absent: the task is not served any more then. */
  readonly onUnreadable?: (index: number) => void;
}

export interface Serving extends ServedTask {
  readonly queue: UploadQueue<Target>;
  bytes: number;
  /** Pieces on their way near by that were sent before. */
  repeats: number;
  /** Asked before each piece: false stops the task at once (the file is no longer what was stored). */
  intact?: () => Promise<boolean>;
}

/** Where the pieces of one task for one child go. */
export interface Target {
  readonly serving: Serving;
  readonly connection: ChildConnection;
  readonly channel: number;
}

export function newServing(task: ServedTask): Serving {
  const queue = new UploadQueue<Target>(task.store.have.count, { fromOrigin: task.fromOrigin === true });
  return { ...task, queue, bytes: 0, repeats: 0 };
}

export function tellNews(child: Child<Target>): void {
  const { connection, channel, serving } = child.owner;
  const news = serving.queue.takeNews(child);
  if (news.length > 0) connection.have(channel, news);
}

export function nameOf(task: string, generation: string): string {
  return `${task}/${generation}`;
}
