/**
 * The frame: what every connection between Darner processes is made of once it has been upgraded.
 *
 *     byte 0      type
 *     byte 1-3    zero, reserved
 *     byte 4-7    channel: one task on this connection, numbered by the side that dialled
 *     byte 8-11   argument: a piece's index for PIECE, else zero unless the type says otherwise
 *     byte 12-15  length of the payload in bytes
 *
 * All numbers are big-endian. A receiver that meets a type it does not know skips the frame: that is
 * how a newer minor version stays readable. A payload above its type's limit breaks the connection.
 */

export const frameHeaderBytes = 16;
/** Any payload but a piece's. */
export const framePayloadBytesMax = 4 * 1024 * 1024;

export const frameType = {
  /** Control plane: one JSON message. */
  message: 1,
  /** Piece plane, child to parent, first: JSON ProofOfKey; not sent with --trust off. */
  prove: 15,
  /** Child to parent: JSON OpenRequest. */
  open: 16,
  /** Child to parent: indices wanted, in order of preference; argument: how many pieces the child holds. */
  want: 17,
  /** Child to parent: indices no longer wanted; each is answered by its piece or by CANCELLED. */
  cancel: 18,
  /** Child to parent: this channel is finished. */
  close: 19,
  /** Parent to child: bitfield of the pieces held; argument: its length in bits. */
  opened: 32,
  /** Parent to child: indices newly held. */
  have: 33,
  /** Parent to child: one piece; argument: its index. */
  piece: 34,
  /** Parent to child: indices that will not be sent. */
  cancelled: 35,
  /** Parent to child: the channel is over; JSON {reason}. */
  closed: 36,
} as const;

export interface FrameHeader {
  readonly type: number;
  readonly channel: number;
  readonly argument: number;
  readonly payloadBytes: number;
}

export function writeFrameHeader(into: Uint8Array, offset: number, header: FrameHeader): void {
  const view = new DataView(into.buffer, into.byteOffset + offset, frameHeaderBytes);
  view.setUint32(0, header.type << 24);
  view.setUint32(4, header.channel);
  view.setUint32(8, header.argument);
  view.setUint32(12, header.payloadBytes);
}

export function readFrameHeader(from: Uint8Array, offset: number): FrameHeader {
  const view = new DataView(from.buffer, from.byteOffset + offset, frameHeaderBytes);
  return {
    type: view.getUint8(0),
    channel: view.getUint32(4),
    argument: view.getUint32(8),
    payloadBytes: view.getUint32(12),
  };
}

/** A whole frame with its payload. */
export function encodeFrame(type: number, channel: number, argument: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  writeFrameHeader(frame, 0, { type, channel, argument, payloadBytes: payload.length });
  frame.set(payload, frameHeaderBytes);
  return frame;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeJsonFrame(type: number, channel: number, value: unknown): Uint8Array {
  const text = JSON.stringify(value);
  // Nearly always all of it is ASCII.
  let frame = new Uint8Array(frameHeaderBytes + text.length);
  let { read, written } = encoder.encodeInto(text, frame.subarray(frameHeaderBytes));
  if (read < text.length) {
    frame = new Uint8Array(frameHeaderBytes + 3 * text.length);
    ({ read, written } = encoder.encodeInto(text, frame.subarray(frameHeaderBytes)));
  }
  writeFrameHeader(frame, 0, { type, channel, argument: 0, payloadBytes: written });
  return frame.subarray(0, frameHeaderBytes + written);
}

/** The JSON of a payload, or undefined when it is none. */
export function decodeJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(payload)) as unknown;
  } catch {
    return undefined;
  }
}

/** A list of piece indices, four bytes each. */
export function encodeIndices(indices: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(indices.length * 4);
  const view = new DataView(bytes.buffer);
  for (let position = 0; position < indices.length; position++) view.setUint32(position * 4, indices[position]!);
  return bytes;
}

export function decodeIndices(payload: Uint8Array): number[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length & ~3);
  const indices: number[] = [];
  for (let offset = 0; offset < view.byteLength; offset += 4) indices.push(view.getUint32(offset));
  return indices;
}
