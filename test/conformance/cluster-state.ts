/** What every cluster state must do, whatever stands behind it; run over each by a test. */

import * as assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagerEntry } from "#core/placement/mod.ts";
import type { ClusterState, SettingValue } from "#storage/cluster-state/mod.ts";

const paris: ManagerEntry = {
  id: "m1",
  url: "http://10.0.0.1:8002",
  site: "paris",
  address: "10.0.0.1",
  load: 0.25,
  version: "0.1.0",
  health: "up",
};

/** `make` names a new place and returns what opens it; `lasts` tells whether it outlives its closing. */
export function clusterStateConformance(name: string, lasts: boolean, make: () => () => ClusterState): void {
  test(`${name}: starts without settings and managers`, async () => {
    const state = make()();
    assert.deepEqual((await state.settings()).settings, {});
    assert.deepEqual((await state.managers()).managers, []);
    await state.close();
  });

  test(`${name}: a setting is kept with its type, and each change raises the version`, async () => {
    const state = make()();
    let { version } = await state.settings();
    for (const value of ["text", 12.5, true, null, ["a", 1], { deep: { er: [] } }]) {
      const after = await state.putSetting("some.key", value);
      assert.equal(after.version, ++version);
      assert.deepEqual(after.settings, { "some.key": value });
      assert.deepEqual(await state.settings(), after);
    }
    assert.deepEqual(await state.deleteSetting("some.key"), { version: version + 1, settings: {} });
    await state.close();
  });

  test(`${name}: what changes nothing leaves the version`, async () => {
    const state = make()();
    const { version } = await state.putSetting("a", 1);
    assert.equal((await state.putSetting("a", 1)).version, version);
    assert.equal((await state.deleteSetting("b")).version, version);
    await state.close();
  });

  test(`${name}: the list of managers is replaced by a newer one only`, async () => {
    const state = make()();
    const { version } = await state.managers();
    const lyon = { ...paris, id: "m2", site: "lyon" };
    await state.keepManagers({ version: version + 5, managers: [paris, lyon] });
    assert.deepEqual(await state.managers(), { version: version + 5, managers: [paris, lyon] });
    await state.keepManagers({ version: version + 5, managers: [] });
    await state.keepManagers({ version: version + 4, managers: [] });
    assert.equal((await state.managers()).managers.length, 2);
    await state.keepManagers({ version: version + 6, managers: [lyon] });
    assert.deepEqual(await state.managers(), { version: version + 6, managers: [lyon] });
    await state.close();
  });

  test(`${name}: records are kept by kind and id, replaced, and deleted once`, async () => {
    const state = make()();
    await state.putRecords({ kind: "member", id: "b", value: { role: "host" } });
    await state.putRecords({ kind: "member", id: "a", value: 1 });
    await state.putRecords({ kind: "member", id: "a", value: { role: "manager" } });
    await state.putRecords({ kind: "join-token", id: "a", value: null });
    const [a, b] = [
      { id: "a", value: { role: "manager" } },
      { id: "b", value: { role: "host" } },
    ];
    assert.deepEqual(await state.records("member"), [a, b]);
    assert.deepEqual([await state.deleteRecord("member", "a"), await state.deleteRecord("member", "a")], [true, false]);
    assert.deepEqual([await state.records("member"), await state.records("api-token")], [[b], []]);
    assert.deepEqual(await state.records("join-token"), [{ id: "a", value: null }]);
    await state.close();
  });

  test(`${name}: records that come together are kept all or none`, async () => {
    const state = make()();
    const member = { kind: "member", id: "a", value: 1 } as const;
    await state.putRecords(member, { kind: "join-token", id: "b", value: 2 });
    const unwritable = { toJSON: () => assert.fail("cannot be written") } as unknown as SettingValue;
    const second = { kind: "join-token", id: "b", value: unwritable } as const;
    await assert.rejects(state.putRecords({ ...member, value: 3 }, second), /cannot be written/);
    assert.deepEqual(await state.records("member"), [{ id: "a", value: 1 }]);
    assert.deepEqual(await state.records("join-token"), [{ id: "b", value: 2 }]);
    await state.close();
  });

  if (!lasts) return;
  test(`${name}: all is the same after opening it again`, async () => {
    const open = make();
    const state = open();
    const settings = await state.putSetting("site-ranges", "10.0.0.0/8=paris");
    const list = { version: (await state.managers()).version + 1, managers: [paris] };
    await state.keepManagers(list);
    await state.putRecords({ kind: "member", id: "a", value: { role: "host" } });
    await state.close();
    const again = open();
    assert.deepEqual(await again.records("member"), [{ id: "a", value: { role: "host" } }]);
    assert.deepEqual(await again.settings(), settings);
    assert.deepEqual(await again.managers(), list);
    await again.close();
  });
}
