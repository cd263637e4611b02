/** Which of a test's managers an object belongs to, as every host of its cluster works it out. */

import { ownerOfTask, type ManagerEntry } from "#core/placement/mod.ts";
import { taskIdOf } from "#transfer/mod.ts";
import type { Role } from "./cluster.ts";

/** With the header fields of whoever asks. */
type Fields = Readonly<Record<string, string>>;

export const taskOf = (url: string, headers: Fields = {}): string =>
  taskIdOf({ url, headers, filterQuery: [], tag: "" });

/** In the order of their right to the object; they need not have started. */
export function ranked(managers: readonly Role[], url: string, headers: Fields = {}): Role[] {
  const order = ownerOfTask(taskOf(url, headers), managers.map(entryOf));
  return order.map(({ id }) => managers.find((manager) => manager.id === id)!);
}

function entryOf({ id, url }: Role): ManagerEntry {
  return { id, url, site: "", address: "127.0.0.1", load: 0, version: "", health: "up" };
}

/** URLs under `base`, of which each of these managers owns as many. */
export function ownedEvenly(managers: readonly Role[], each: number, base: string, headers: Fields = {}): string[] {
  const owned = managers.map((manager) => {
    const urls: string[] = [];
    for (let number = 0; urls.length < each; number++) {
      const url = `${base}/object-${number}`;
      if (ranked(managers, url, headers)[0] === manager) urls.push(url);
    }
    return urls;
  });
  return owned.flat();
}
