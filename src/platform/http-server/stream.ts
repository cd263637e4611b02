/** Writing an answer as fast as its client reads, and no faster. */

import type { ServerResponse } from "node:http";

/** Resolves when more may be written, or nobody reads any more: look at `response.destroyed` afterwards. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      response.off("drain", end).off("close", end);
      resolve();
    };
    response.on("drain", end).on("close", end);
    if (response.destroyed) end();
  });
}
