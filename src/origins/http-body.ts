/** A body that counts: it ends well only after as many bytes as the answer's head told. */

import { DarnerError } from "#base/mod.ts";
import type { HttpBody } from "#platform/http-client.ts";
import type { Extent } from "./http-range.ts";
import type { OriginBody } from "./origin.ts";

/** `name` is what messages call the object. */
export function countedBody(body: HttpBody, extent: Extent, name: string): OriginBody {
  return {
    close: () => body.close(),
    [Symbol.asyncIterator]: () => counted(body, extent, name),
  };
}

async function* counted(body: HttpBody, extent: Extent, name: string): AsyncGenerator<Uint8Array> {
  const { bodyBytes, wantedBytes } = extent;
  let receivedBytes = 0;
  for await (const chunk of body) {
    receivedBytes += chunk.length;
    if (bodyBytes !== undefined && receivedBytes > bodyBytes) {
      const says = `more came than the ${bodyBytes} bytes announced; the server should tell the right length`;
      throw new DarnerError("origin.body-long", `cannot read ${name}: ${says}`);
    }
    yield chunk;
  }
  const dueBytes = wantedBytes ?? bodyBytes;
  if (dueBytes !== undefined && receivedBytes < dueBytes) {
    const says = `the body ended after ${receivedBytes} of ${dueBytes} bytes; ask for the rest`;
    throw new DarnerError("origin.body-short", `cannot read ${name}: ${says}`, { retry: "now" });
  }
}
