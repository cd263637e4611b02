/** The kinds of text that settings are made of, each with its bounds. */

import { parseBytes, parseDurationMs, parseRate } from "#base/mod.ts";
import type { ListenAddress } from "#platform/machine/listen-address.ts";
import { single, type Kind, type Read } from "./kind.ts";
import { writeBytes, writeDuration, writeRate } from "./write.ts";

export type TcpAddress = Extract<ListenAddress, { kind: "tcp" }>;

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function bounded(
  value: number | undefined,
  { min, max }: Bounds,
  what: string,
  write: (value: number) => string,
): Read<number> {
  if (value === undefined || Number.isNaN(value)) return { problem: `it should be ${what}` };
  if (value < min) return { problem: `it should be at least ${write(min)}` };
  if (value > max) return { problem: `it should be at most ${write(max)}` };
  return { value };
}

const rangeText = ({ min, max }: Bounds, write: (value: number) => string): string => `${write(min)} to ${write(max)}`;

/** Bytes a second; `unlimited` is Infinity. */
export const rate: Kind<number> = single(
  { placeholder: "RATE" },
  (text) =>
    bounded(parseRate(text), { min: 1024, max: Infinity }, "a rate such as 10MB, 80Mbit or unlimited", writeRate),
  writeRate,
);

export function bytes(bounds: Bounds): Kind<number> {
  const read = (text: string): number | undefined => (/^unlimited$/i.test(text) ? Infinity : parseBytes(text));
  return single(
    { placeholder: "BYTES", range: rangeText(bounds, writeBytes) },
    (text) => bounded(read(text), bounds, "a size such as 500MB or 10GiB", writeBytes),
    writeBytes,
  );
}

/** Milliseconds. `never` is Infinity where the bounds allow it. */
export function duration(bounds: Bounds): Kind<number> {
  const read = (text: string): number | undefined => (/^never$/i.test(text) ? Infinity : parseDurationMs(text));
  return single(
    { placeholder: "TIME", range: rangeText(bounds, writeDuration) },
    (text) => bounded(read(text), bounds, "a time such as 500ms, 10s, 5m or 2h", writeDuration),
    writeDuration,
  );
}

export function count(bounds: Bounds): Kind<number> {
  const read = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);
  return single({ placeholder: "N", range: rangeText(bounds, String) }, (text) =>
    bounded(read(text), bounds, "a whole number", String),
  );
}

export function ratio(bounds: Bounds): Kind<number> {
  const read = (text: string): number | undefined => {
    if (/^\d+(?:\.\d+)?%$/.test(text)) return Number(text.slice(0, -1)) / 100;
    return /^\d*\.?\d+$/.test(text) ? Number(text) : undefined;
  };
  return single({ placeholder: "SHARE", range: rangeText(bounds, String) }, (text) =>
    bounded(read(text), bounds, "a share such as 0.9 or 90%", String),
  );
}

export function choice<const T extends string>(...options: readonly T[]): Kind<T> {
  return single({ placeholder: options.join("|") }, (text) => {
    const found = options.find((option) => option === text.toLowerCase());
    return found === undefined ? { problem: `it should be ${options.join(" or ")}` } : { value: found };
  });
}

/** Any text but none. */
export function text(placeholder: string): Kind<string> {
  return single({ placeholder }, (value) => (value === "" ? { problem: "it should not be empty" } : { value }));
}

/** A name that fits into file names, labels and URLs. */
export const name: Kind<string> = single({ placeholder: "NAME" }, (value) =>
  /^[a-z0-9][a-z0-9._-]{0,62}$/i.test(value)
    ? { value }
    : { problem: "it should be 1 to 63 letters, digits, dots, dashes and underscores, a letter or digit first" },
);

/** The URL of a process of the cluster: scheme, host and port, nothing else. */
export const roleUrl: Kind<string> = single({ placeholder: "URL" }, (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return { problem: "it should be http://HOST:PORT or https://HOST:PORT" };
  if (url.username !== "" || url.password !== "") return { problem: "it should have no user and no password" };
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") return { problem: "it should end after the port" };
  return { value: url.origin };
});

/** A host name or address without a port. */
export const host: Kind<string> = single({ placeholder: "HOST" }, (value) => {
  const bare = value.replace(/^\[(.*)\]$/, "$1");
  const isHost =
    bare !== "" && URL.canParse(`http://${bare.includes(":") ? `[${bare}]` : bare}/`) && !/[/?#@\s]/.test(bare);
  return isHost ? { value: bare } : { problem: "it should be a host name or an address, without a port" };
});

/** Where to listen on TCP; a bare port means all interfaces. */
export const listenAddress: Kind<TcpAddress> = single(
  { placeholder: "HOST:PORT" },
  (value) => {
    const match = /^(?:(?:\[([0-9a-f:.%a-z]+)\]|([^:[\]]*)):)?(\d{1,5})$/i.exec(value);
    const port = Number(match?.[3]);
    if (match === null || port > 65535)
      return { problem: "it should be HOST:PORT, [V6]:PORT or a port from 0 to 65535" };
    return { value: { kind: "tcp", host: match[1] ?? (match[2] || "0.0.0.0"), port } };
  },
  ({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`,
);

export interface ListenHost {
  readonly host: string;
  /** Where HOST:PORT was written, as the roles' own settings have it. */
  readonly port: number | undefined;
}

/** Where to listen, the port left to others. */
export const listenHost: Kind<ListenHost> = single(
  { placeholder: "HOST" },
  (value): Read<ListenHost> => {
    const bare = host.read([value]);
    // A bare number would be a host too: 8080 is the address 0.0.31.144.
    if ("value" in bare && !/^\d+$/.test(value)) return { value: { host: bare.value, port: undefined } };
    const whole = listenAddress.read([value]);
    return "value" in whole ? whole : { problem: "it should be a host name or an address" };
  },
  ({ host, port }) => (port === undefined ? host : listenAddress.write({ kind: "tcp", host, port })),
);
