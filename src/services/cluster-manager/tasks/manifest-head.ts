/** What hosts are told of a version before its pieces. */

import type { ResponseFacts } from "#core/freshness/mod.ts";
import type { ManifestHead } from "#core/protocol/mod.ts";
import type { PieceFile } from "#storage/pieces/mod.ts";

/** Undefined while no object has begun. */
export function headOf(task: string, { object, lengthBytes }: PieceFile): ManifestHead | undefined {
  if (object === undefined) return undefined;
  const facts = object.notes?.["facts"] as ResponseFacts | undefined;
  const { generation, url, pieceBytes, validator, seal } = object;
  const contentType = facts?.headers["content-type"];
  const lastModified = facts?.headers["last-modified"];
  return {
    task,
    generation,
    url,
    pieceBytes,
    ...(lengthBytes === undefined ? {} : { lengthBytes }),
    ...(validator === undefined ? {} : { validator }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(seal === undefined ? {} : { seal }),
  };
}
