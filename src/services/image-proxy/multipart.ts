/** Several ranges in one answer (`multipart/byteranges`, RFC 9110, 14.6), its length known before its bytes. */

import type { Span } from "./byte-range.ts";

/** Any text that begins no line of what lies between; readers go by the announced lengths anyway. */
const boundary = "darner-a8b1c5d97e2f4036";

export class Multipart {
  readonly #lengthBytes: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly end = Buffer.from(`\r\n--${boundary}--\r\n`);

  /** `lengthBytes` is the whole object's. */
  constructor(spans: readonly Span[], lengthBytes: number) {
    this.#lengthBytes = lengthBytes;
    const parts = spans.map((span) => this.opening(span).length + span.end - span.start);
    this.headers = {
      "content-type": `multipart/byteranges; boundary=${boundary}`,
      "content-length": parts.reduce((sum, bytes) => sum + bytes, this.end.length),
    };
  }

  /** What goes before the bytes of a span. */
  opening({ start, end }: Span): Buffer {
    const range = `content-range: bytes ${start}-${end - 1}/${this.#lengthBytes}`;
    return Buffer.from(`\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n${range}\r\n\r\n`);
  }
}
