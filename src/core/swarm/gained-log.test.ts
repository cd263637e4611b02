/** A queue forgets what all its children know, and tells each of them everything once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UploadQueue } from "./upload-queue.ts";

test("property: whoever asks when, every child hears of every piece once and in order", () => {
  const anyTurn = fc.record({ gained: fc.nat(90), child: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(anyTurn, { maxLength: 30 }), (turns) => {
      const queue = new UploadQueue<number>();
      const children = [0, 1, 2].map((owner) => queue.add(owner));
      const heard: number[][] = [[], [], []];
      let pieces = 0;
      for (const { gained, child } of turns) {
        for (let more = 0; more < gained; more++) queue.gained(pieces++);
        heard[child]!.push(...queue.takeNews(children[child]!));
      }
      for (const child of children) heard[child.owner]!.push(...queue.takeNews(child));
      const all = Array.from({ length: pieces }, (_, index) => index);
      assert.deepEqual(heard, [all, all, all]);
      assert.deepEqual(queue.takeNews(queue.add(3)), [], "who comes later knows what was held then");
    }),
  );
});
