/**
 * How many pieces may stand with parents, come from them or wait for the disk at a time. A piece takes
 * memory once it has begun, which is at most one for each parent, and until it is written; what only
 * stands costs nothing, but begins whenever its parent likes, so all of it is bounded.
 */

const inboundBytesMax = 128 * 1024 * 1024;
/** A window of three for each of a dozen parents and some seeds; fewer would leave parents idle. */
const inboundPiecesMin = 48;

export function inboundPiecesMax(pieceBytes: number): number {
  return Math.max(inboundPiecesMin, Math.floor(inboundBytesMax / pieceBytes));
}
