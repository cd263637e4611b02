/**
 * Reads messages of the control plane from JSON that anybody may have sent: a message comes out whole
 * and of the right types, or not at all. A kind that this version does not know is "unknown", which
 * is skipped; a known kind of the wrong form is "malformed", which ends the connection.
 */

import type { HostMessage, ManagerMessage } from "./messages.ts";

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

/** Longer lists and texts are no message of ours. */
const listMax = 1 << 20;
const textMax = 1 << 16;

const text: Check = (value) => typeof value === "string" && value.length <= textMax;
const packed: Check = (value) => typeof value === "string";
const size: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const flag: Check = (value) => typeof value === "boolean";
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= listMax && value.every(check);
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);
const texts: Check = (value) => isObject(value) && Object.values(value).every(text);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shaped(shape: Shape): Check {
  const fields = Object.entries(shape);
  return (value) => isObject(value) && fields.every(([field, check]) => check(value[field]));
}

const retry: Check = (value) => oneOf("never", "now")(value) || shaped({ afterMs: size })(value);
const error = shaped({ code: text, message: text, retry });
const port: Check = (value) => size(value) && (value as number) <= 65_535;
const host = shaped({ id: text, name: text, site: text, address: text, port, publicKey: optional(text) });
const ask = shaped({
  url: text,
  headers: texts,
  filterQuery: list(text),
  tag: text,
  digest: optional(text),
  sensitive: optional(flag),
});
const held = shaped({ generation: text, pieces: packed });
const parent = shaped({ id: text, address: text, port, seed: flag, across: optional(flag) });
const positive: Check = (value) => size(value) && (value as number) > 0;
const entry = shaped({ ways: positive, mine: list(size) });
const seal = shaped({
  keyId: text,
  lengthBytes: optional(size),
  derived: optional(shaped({ epoch: size, version: text })),
});
const head = shaped({
  task: text,
  generation: text,
  pieceBytes: positive,
  lengthBytes: optional(size),
  url: text,
  validator: optional(text),
  contentType: optional(text),
  seal: optional(seal),
});
const right = shaped({ task: text, digest: text });
const look = shaped({ url: text, headers: texts, freshForMs: size, right: optional(right) });
const seen = shaped({ status: size, headers: texts, ageMs: size, stale: flag });
const ofTask = { task: text, generation: text };
const end = { lengthBytes: size, digests: list(text), signature: optional(text) };
const manifest = shaped({
  head,
  managerKey: optional(text),
  signature: optional(text),
  indices: list(size),
  digests: packed,
  sealSecret: optional(text),
  end: optional(shaped(end)),
});

const hostShapes: Readonly<Record<HostMessage["kind"], Check>> = {
  hello: shaped({ version: text, host }),
  ask: shaped({
    task: text,
    ask,
    holds: optional(held),
    heldOnly: optional(flag),
    home: optional(text),
    small: optional(flag),
  }),
  enquire: shaped({ task: text }),
  seek: shaped({ task: text, position: size }),
  look: shaped({ id: size, look }),
  fetched: shaped({ order: text, task: text, error: optional(error) }),
  report: shaped({
    ...ofTask,
    news: list(size),
    held: size,
    downBytesPerSecond: size,
    upBytesPerSecond: size,
    crossedBytes: optional(size),
    starving: flag,
    crossing: optional(flag),
    state: oneOf("downloading", "seeding"),
  }),
  recalled: shaped({ ...ofTask, manifest: optional(manifest) }),
  leave: shaped(ofTask),
  accuse: shaped({ ...ofTask, parent: text, piece: size }),
};

const managerShapes: Readonly<Record<ManagerMessage["kind"], Check>> = {
  welcome: shaped({ version: text, manager: text, hosts: size, reportEveryMs: positive, publicKey: optional(text) }),
  pace: shaped({ reportEveryMs: positive, hosts: optional(positive) }),
  helps: shaped({ task: text, helps: flag }),
  delegated: shaped({ task: text }),
  head: shaped({ head, ticket: optional(text), sealSecret: optional(text) }),
  listed: shaped({ ...ofTask, from: size, indices: list(size), digests: packed, signature: optional(text) }),
  filling: shaped({ task: text }),
  ended: shaped({ ...ofTask, ...end }),
  parents: shaped({ ...ofTask, parents: list(parent), ticket: optional(text), entry: optional(entry) }),
  withdrawn: shaped(ofTask),
  fetch: shaped({ order: text, asks: list(ask) }),
  unfetch: shaped({ order: text }),
  seen: shaped({ id: size, seen: optional(seen), error: optional(error) }),
  recheck: shaped({ ...ofTask, piece: size }),
  recall: shaped(ofTask),
  whole: shaped({ head, ...end, bytes: packed }),
  failed: shaped({ task: text, error }),
};

function judge(value: unknown, shapes: Readonly<Record<string, Check>>): "whole" | "unknown" | "malformed" {
  if (!isObject(value) || typeof value["kind"] !== "string") return "malformed";
  const { kind } = value;
  if (!Object.hasOwn(shapes, kind)) return "unknown";
  return shapes[kind]!(value) ? "whole" : "malformed";
}

export function readHostMessage(value: unknown): HostMessage | "unknown" | "malformed" {
  const found = judge(value, hostShapes);
  return found === "whole" ? (value as HostMessage) : found;
}

export function readManagerMessage(value: unknown): ManagerMessage | "unknown" | "malformed" {
  const found = judge(value, managerShapes);
  return found === "whole" ? (value as ManagerMessage) : found;
}
