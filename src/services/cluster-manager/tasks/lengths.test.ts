/** Objects around the edges of a piece, empty ones too, however their origin tells them: all of them, each time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { SealEpochs } from "#transfer/mod.ts";
import { TestHost, ask, newManager } from "./managed-task-scene.test.ts";

const ways = [false, true].flatMap((chunked) =>
  [false, true].flatMap((small) =>
    [false, true].flatMap((sealed) => [{}, { etag: '"v1"' }].map((named) => ({ chunked, small, sealed, named }))),
  ),
);

for (const sizeBytes of [0, 1, 65_535, 65_536, 65_537, 131_072]) {
  test(`${sizeBytes} bytes come at first, to the next host, to one that has them, and after a restart`, async () => {
    for (const { chunked, small, sealed, named } of ways) {
      const which = JSON.stringify({ chunked, small, sealed, ...named });
      const epochs = new SealEpochs({ own: new Uint8Array(32) });
      const object = { content: new Uint8Array(sizeBytes).fill(7), chunked, ...named };
      const { clock, managed, newTask } = await newManager(() => object, sealed ? { epochs } : {});
      const given = async (
        id: string,
        to = managed,
        holds?: { generation: string; pieces: string },
      ): Promise<TestHost> => {
        const host = new TestHost(id);
        void to.join({ host, ask, holds, small });
        await clock.settle(3_000);
        assert.match(host.kinds, /ended|whole/, `${id}, ${which}`);
        return host;
      };
      const [first, second] = [await given("first"), await given("second")];
      managed.leave(first);
      const { store, generation } = managed.current!;
      const pieces = Buffer.from(store.have.toBytes()).toString("base64");
      const back = await given("first", managed, { generation: generation!, pieces });
      for (const host of [second, back]) managed.leave(host);
      await clock.settle(100);
      assert.ok(managed.idle, which);
      await managed.close("a restart");
      await given("later", newTask());
    }
  });
}
