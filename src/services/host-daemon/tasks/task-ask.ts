/** Whether something that a client sent names an object. */

import type { TaskAsk } from "#core/protocol/mod.ts";

export function isTaskAsk(value: unknown): value is TaskAsk {
  const ask = value as Partial<TaskAsk> | null;
  return (
    typeof ask === "object" &&
    ask !== null &&
    typeof ask.url === "string" &&
    typeof ask.headers === "object" &&
    Array.isArray(ask.filterQuery) &&
    typeof ask.tag === "string"
  );
}
