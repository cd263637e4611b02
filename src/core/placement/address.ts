/**
 * Network addresses and ranges of them (CIDR, RFC 4632 and RFC 4291), as text and as bytes.
 *
 * An IPv4 address that comes mapped into IPv6 (`::ffff:10.0.0.1`, what a dual-stack socket reports)
 * is the IPv4 address; no IPv6 range ever holds an IPv4 address.
 */

/** Four bytes (IPv4) or sixteen (IPv6). */
export type AddressBytes = Uint8Array;

export interface AddressRange {
  readonly bytes: AddressBytes;
  /** How many leading bits an address must share with `bytes`. */
  readonly prefixBits: number;
}

const addressCharactersMax = 64;

/** The bytes of an address, or undefined when `text` is none. A zone (`%eth0`) and brackets are dropped. */
export function parseAddress(text: string): AddressBytes | undefined {
  if (text.length > addressCharactersMax) return undefined;
  const bare = text.replace(/^\[(.*)\]$/, "$1").replace(/%[^%]*$/, "");
  const parsed = bare.includes(":") ? parseV6(bare) : parseV4(bare);
  return parsed !== undefined && isMapped(parsed) ? parsed.slice(12) : parsed;
}

/** `10.1.0.0/16`, `fd00::/8`, or one address; undefined when `text` is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const bytes = parseAddress(addressText);
  if (bytes === undefined) return undefined;
  const bitsMax = bytes.length * 8;
  if (slash < 0) return { bytes, prefixBits: bitsMax };
  const prefixText = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefixText)) return undefined;
  const writtenAsV6 = addressText.includes(":");
  const prefixBits = Number(prefixText) - (writtenAsV6 && bytes.length === 4 ? 96 : 0);
  return prefixBits < 0 || prefixBits > bitsMax ? undefined : { bytes, prefixBits };
}

export function addressInRange(address: AddressBytes, range: AddressRange): boolean {
  if (address.length !== range.bytes.length) return false;
  const whole = range.prefixBits >> 3;
  for (let index = 0; index < whole; index++) if (address[index] !== range.bytes[index]) return false;
  const rest = range.prefixBits & 7;
  if (rest === 0) return true;
  const mask = 0xff << (8 - rest);
  return ((address[whole]! ^ range.bytes[whole]!) & mask & 0xff) === 0;
}

/** Whether `text` is an address of this very machine: 127.0.0.0/8 or ::1. */
export function isLoopbackAddress(text: string): boolean {
  const bytes = parseAddress(text);
  if (bytes === undefined) return false;
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/** Whether `text` means "every address here" (0.0.0.0 or ::), which nobody can connect to from afar. */
export function isUnspecifiedAddress(text: string): boolean {
  return parseAddress(text)?.every((byte) => byte === 0) === true;
}

function parseV4(text: string): AddressBytes | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

function parseV6(text: string): AddressBytes | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of `a:b:c`; the last group may be a dotted IPv4 address where the address ends with it. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (group.includes(".")) {
      const dotted = endsAddress && index === groups.length - 1 ? parseV4(group) : undefined;
      if (dotted === undefined) return undefined;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function isMapped(bytes: AddressBytes): boolean {
  return (
    bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0)
  );
}
