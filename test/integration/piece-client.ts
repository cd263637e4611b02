/**
 * A peer that speaks the frames of the piece plane by hand: it can ask for what it has no right to,
 * show another's ticket, and take pieces as fast as they come.
 */

import { once } from "node:events";
import * as net from "node:net";
import { Bitfield } from "#base/mod.ts";
import {
  decodeIndices,
  decodeJson,
  encodeFrame,
  encodeIndices,
  encodeJsonFrame,
  frameHeaderBytes,
  frameType,
  protocolVersion,
  readFrameHeader,
  type HostMessage,
  type ManagerMessage,
} from "#core/protocol/mod.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import { until } from "./cluster.ts";

interface Received {
  readonly type: number;
  readonly channel: number;
  readonly argument: number;
  readonly payload: Buffer;
}

const version = `${protocolVersion.major}.${protocolVersion.minor}`;

/** A connection that was upgraded, and the frames that came. */
export class RawPeer {
  readonly frames: Received[] = [];
  readonly #socket: net.Socket;
  #rest: Buffer = Buffer.alloc(0);
  #head = "";
  ended = false;
  /** Called for each piece instead of keeping its bytes. */
  onPiece: ((index: number, bytes: Buffer) => void) | undefined;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("close", () => (this.ended = true));
    socket.on("data", (bytes: Buffer) => this.#received(bytes));
  }

  static async dial(port: number, path: "/pieces" | "/control", host = "", as = version, address = "127.0.0.1") {
    const socket = net.connect(port, address);
    await once(socket, "connect");
    const peer = new RawPeer(socket);
    const lines = [
      `Host: 127.0.0.1:${port}`,
      "Connection: Upgrade",
      "Upgrade: darner",
      `Darner-Version: ${as}`,
      `Darner-Host: ${host}`,
    ];
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    await until(() => peer.#head !== "" || peer.ended, "the upgrade is answered");
    return peer;
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.#head)?.[1] ?? 0);
  }

  get nonce(): string {
    return /^darner-nonce: (.*)$/im.exec(this.#head)?.[1]?.trim() ?? "";
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  prove(key: SigningKey, nonce = this.nonce): void {
    this.send(
      encodeJsonFrame(frameType.prove, 0, { publicKey: key.publicKey, signature: key.sign("piece-plane", nonce) }),
    );
  }

  /** Opens channel 1: the pieces held there, or why not (`gone` when the connection ended). */
  async open(task: string, generation: string, ticket?: string): Promise<Bitfield | string> {
    const request = { task, generation, ...(ticket === undefined ? {} : { ticket }) };
    this.send(encodeJsonFrame(frameType.open, 1, request));
    const answers = [frameType.opened, frameType.closed] as number[];
    await until(() => this.ended || this.frames.some(({ type }) => answers.includes(type)), "the open is answered");
    const answer = this.frames.find(({ type }) => answers.includes(type));
    if (answer === undefined) return "gone";
    if (answer.type === frameType.closed) return (decodeJson(answer.payload) as { reason: string }).reason;
    return Bitfield.fromBytes(answer.payload, answer.argument);
  }

  want(indices: readonly number[], held = 0): void {
    this.send(encodeFrame(frameType.want, 1, held, encodeIndices(indices)));
  }

  get pieces(): number[] {
    return this.frames.filter(({ type }) => type === frameType.piece).map(({ argument }) => argument);
  }

  get refused(): number[] {
    return this.frames
      .filter(({ type }) => type === frameType.cancelled)
      .flatMap(({ payload }) => decodeIndices(payload));
  }

  say(message: HostMessage): void {
    this.send(encodeJsonFrame(frameType.message, 0, message));
  }

  async hear<K extends ManagerMessage["kind"]>(kind: K): Promise<Extract<ManagerMessage, { kind: K }>> {
    const find = (): ManagerMessage | undefined =>
      this.frames.map(({ payload }) => decodeJson(payload) as ManagerMessage | undefined).find((m) => m?.kind === kind);
    await until(() => find() !== undefined || this.ended, `the manager says ${kind}`);
    const found = find();
    if (found === undefined) throw new Error(`the manager hung up before it said ${kind}`);
    return found as Extract<ManagerMessage, { kind: K }>;
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (this.#head === "") {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#head = this.#rest.toString("latin1", 0, end);
      this.#rest = this.#rest.subarray(end + 4);
    }
    while (this.#rest.length >= frameHeaderBytes) {
      const { type, channel, argument, payloadBytes } = readFrameHeader(this.#rest, 0);
      const end = frameHeaderBytes + payloadBytes;
      if (this.#rest.length < end) return;
      const payload = this.#rest.subarray(frameHeaderBytes, end);
      this.#rest = this.#rest.subarray(end);
      if (type === frameType.piece && this.onPiece !== undefined) this.onPiece(argument, payload);
      else this.frames.push({ type, channel, argument, payload });
    }
  }
}
