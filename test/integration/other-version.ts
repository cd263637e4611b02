/**
 * A relay that makes one end of a connection speak another minor version of the protocol than it does. Of a
 * newer one each message has fields that nobody knows, and kinds and frames that nobody knows come between;
 * of an older one what this version has brought is missing.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { decodeJson, encodeFrame, encodeJsonFrame, FrameReader, frameType } from "#core/protocol/mod.ts";

export type OtherVersion = "1.0" | "1.9" | "2.0";

/** Which end is made another version; the other one is left as it is. */
export interface RelayOptions {
  readonly host?: OtherVersion;
  readonly manager?: OtherVersion;
  /** For `parents` that the host is told: the relay that stands before each port of a piece plane. */
  readonly pieces?: ReadonlyMap<number, number>;
}

type Message = Record<string, unknown>;

const unknownType = 99;
const unknownFrame = encodeFrame(unknownType, 3, 7, new Uint8Array([1, 2, 3]));
/** Kinds that 1.0 does not have. */
const since11 = new Set(["enquire", "helps"]);
/** Objects within messages that a later version may have more to say of. */
const mayGrow = new Set(["host", "ask", "head", "holds", "entry", "error", "look", "seen"]);

export class VersionRelay {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  /** What was made different, for a test to see that something was. */
  edits = 0;

  private constructor(toPort: number, options: RelayOptions, plane: "control" | "pieces") {
    this.#server = net.createServer((near) => {
      const far = net.connect(toPort, "127.0.0.1");
      for (const [from, to] of [[near, far] as const, [far, near] as const]) {
        this.#sockets.add(from);
        const version = from === near ? options.host : options.manager;
        const edit = new Editor({ version, plane, pieces: options.pieces, onEdit: () => this.edits++ });
        from.on("data", (bytes: Buffer) => void to.write(edit.push(bytes)));
        from.on("error", () => to.destroy());
        from.on("close", () => to.destroy());
      }
    });
  }

  static async before(toPort: number, options: RelayOptions, plane: "control" | "pieces"): Promise<VersionRelay> {
    const relay = new VersionRelay(toPort, options, plane);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

interface EditorOptions {
  readonly version: OtherVersion | undefined;
  readonly plane: "control" | "pieces";
  readonly pieces: ReadonlyMap<number, number> | undefined;
  readonly onEdit: () => void;
}

/** One direction: the head of the upgrade, then frames. */
class Editor {
  readonly #options: EditorOptions;
  readonly #reader = new FrameReader();
  #head = Buffer.alloc(0);
  #upgraded = false;

  constructor(options: EditorOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): Uint8Array {
    if (this.#upgraded) return this.#frames(bytes);
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf("\r\n\r\n") + 4;
    if (end < 4) return Buffer.alloc(0);
    this.#upgraded = true;
    const { version, plane } = this.#options;
    const head = this.#head.toString("latin1", 0, end);
    const said = version === undefined ? head : head.replace(/(darner-version: )\S+/i, `$1${version}`);
    const more = version === "1.9" && plane === "pieces" ? [unknownFrame] : [];
    return Buffer.concat([Buffer.from(said, "latin1"), ...more, this.#frames(this.#head.subarray(end))]);
  }

  /** Of pieces the frames are left alone: they are long. */
  #frames(bytes: Uint8Array): Uint8Array {
    if (this.#options.plane === "pieces") return bytes;
    const frames = this.#reader.push(bytes);
    assert.notEqual(frames, "oversized");
    const out: Uint8Array[] = [];
    for (const frame of frames as Exclude<typeof frames, "oversized">) {
      const message =
        frame.type === frameType.message && frame.payloadBytes > 0 ? decodeJson(frame.payload) : undefined;
      if (message === undefined) out.push(encodeFrame(frame.type, frame.channel, frame.argument, frame.payload));
      else out.push(...this.#message(message as Message));
    }
    return Buffer.concat(out);
  }

  #message(message: Message): Uint8Array[] {
    const { version, pieces, onEdit } = this.#options;
    const encoded = (value: Message): Uint8Array => encodeJsonFrame(frameType.message, 0, value);
    if (pieces !== undefined && message["kind"] === "parents") {
      for (const parent of message["parents"] as Message[])
        parent["port"] = pieces.get(parent["port"] as number) ?? parent["port"];
    }
    if (version === undefined) return [encoded(message)];
    onEdit();
    const said = "version" in message ? { ...message, version } : message;
    if (version === "1.9") return [encoded({ kind: "of-tomorrow", task: 1 }), unknownFrame, encoded(grown(said))];
    return since11.has(said["kind"] as string) ? [] : [encoded(said)];
  }
}

/** With fields that no version has yet, in the message and within. */
function grown(message: Message): Message {
  const more = Object.entries(message).map(([field, value]) => {
    if (field === "parents") return [field, (value as Message[]).map(grown)];
    return [field, mayGrow.has(field) && value !== undefined ? grown(value as Message) : value];
  });
  return { ...Object.fromEntries(more), later: { than: ["this", 1] }, afterMs: -1 };
}
