/** Which of a test's managers an object belongs to, as every host of its cluster works it out. */

import { ownerOfTask, type ManagerEntry } from "#core/placement/mod.ts";
import { taskIdOf } from "#transfer/mod.ts";
import type { Role } from "./cluster.ts";

export const taskOf = (url: string): string => taskIdOf({ url, headers: {}, filterQuery: [], tag: "" });

/** In the order of their right to the object. */
export async function ranked(config: Role, managers: readonly Role[], url: string): Promise<Role[]> {
  const list = JSON.parse((await config.get("/v1/managers")).text) as { managers: ManagerEntry[] };
  return ownerOfTask(taskOf(url), list.managers).map(({ id }) => managers.find((manager) => manager.id === id)!);
}
