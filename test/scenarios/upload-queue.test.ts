/**
 * Stories about what a parent sends next. Commands: role seed|peer (first of all), add NAME,
 * remove NAME, want NAME PIECES HELD, cancel NAME PIECES, next [TIMES [fresh]] (fresh: no second
 * copies), sent NAME PIECE.
 */

import assert from "node:assert/strict";
import { UploadQueue } from "#core/swarm/mod.ts";
import { formatIndices, parseIndices, playStories, type Actor } from "./scenario.ts";

function newQueue(): Actor {
  let queue = new UploadQueue({ freshFirst: false });
  return (command, [first = "", second = "none", third = "0"]) => {
    switch (command) {
      case "role":
        queue = new UploadQueue({ freshFirst: first === "seed" });
        return [];
      case "add":
        queue.add(first);
        return [];
      case "remove":
        queue.remove(first);
        return [];
      case "want": {
        const refused = queue.want(first, parseIndices(second), Number(third));
        return refused.length === 0 ? [] : [`refused ${formatIndices(refused)}`];
      }
      case "cancel":
        return [`given back ${formatIndices(queue.cancel(first, parseIndices(second)))}`];
      case "next": {
        const lines: string[] = [];
        const mayRepeat = second !== "fresh";
        for (let times = Number(first === "" ? 1 : first); times > 0; times--) {
          const want = queue.next(mayRepeat);
          lines.push(want === undefined ? "nothing to send" : `send ${want.child} ${want.index}`);
          if (want === undefined) break;
        }
        return lines;
      }
      case "sent":
        queue.sent({ child: first, index: Number(second), repeat: false });
        return [];
      default:
        return assert.fail(`no such command: ${command}`);
    }
  };
}

playStories("upload-queue", newQueue);
