/**
 * Stories about what a parent sends next. Commands: holds COUNT [origin] (first of all), wait MS, add NAME [across],
 * remove NAME, want NAME PIECES, cancel NAME PIECES, next [TIMES [fresh|fetching|near|across]] (fresh: no second
 * copies; fetching: of a seed that does; near, across: only to children here, or in other sites), sent NAME PIECE,
 * gained PIECE (by this parent), news NAME.
 */

import assert from "node:assert/strict";
import { UploadQueue, Child } from "#core/swarm/mod.ts";
import { formatIndices, parseIndices, playStories, type Actor } from "./scenario.ts";

function newQueue(): Actor {
  let queue = new UploadQueue<string>();
  let nowMs = 0;
  const children = new Map<string, Child<string>>();
  return (command, [first = "", second = "none"]) => {
    const child = children.get(first) ?? new Child(first, 0, 0);
    switch (command) {
      case "holds":
        queue = new UploadQueue<string>(Number(first), { fromOrigin: second === "origin" });
        return [];
      case "add":
        children.set(first, queue.add(first, second === "across"));
        return [];
      case "remove":
        queue.remove(child);
        return [];
      case "want": {
        const refused = queue.want(child, parseIndices(second));
        return refused.length === 0 ? [] : [`refused ${formatIndices(refused)}`];
      }
      case "cancel":
        return [`given back ${formatIndices(queue.cancel(child, parseIndices(second), nowMs))}`];
      case "next": {
        const lines: string[] = [];
        const may = {
          repeat: second !== "fresh",
          fetching: second === "fetching",
          near: second !== "across",
          across: second !== "near",
        };
        for (let times = Number(first === "" ? 1 : first); times > 0; times--) {
          const want = queue.next(nowMs, may);
          lines.push(want === undefined ? "nothing to send" : `send ${want.child.owner} ${want.index}`);
          if (want === undefined) break;
        }
        return lines;
      }
      case "wait":
        nowMs += Number(first);
        return [];
      case "gained": {
        const hungry = queue.gained(Number(first)).map(({ owner }) => owner);
        return [hungry.length === 0 ? "nobody is told at once" : `${hungry.join(" ")} told at once`];
      }
      case "news":
        return [`${first} hears of ${formatIndices(queue.takeNews(child))}`];
      case "sent":
        queue.sent({ child, index: Number(second), repeat: false });
        return [];
      default:
        return assert.fail(`no such command: ${command}`);
    }
  };
}

playStories("upload-queue", newQueue);
