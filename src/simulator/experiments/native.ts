/**
 * Direct downloads, modelled: every client takes its share of the source, never more than its own line,
 * and a source may give up beyond a number of clients. It is the best that direct downloads can do.
 */

export interface NativeSource {
  readonly bytesPerSecond: number;
  /** More clients than this and nobody is served. */
  readonly clientsMax?: number;
}

/** Seconds until all have it; Infinity when the source gives up. */
export function nativeSeconds(
  lengthBytes: number,
  clients: number,
  clientBytesPerSecond: number,
  source: NativeSource,
): number {
  if (clients > (source.clientsMax ?? Infinity)) return Infinity;
  return Math.max(lengthBytes / clientBytesPerSecond, (clients * lengthBytes) / source.bytesPerSecond);
}
