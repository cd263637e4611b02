/**
 * Spoils what is well-formed, so that parsers are met behind their first check: bits turned, runs cut
 * out, doubled, moved or filled, numbers made huge or negative, pieces of other inputs put in. One
 * number gives one input.
 */

/** xorshift32: fast, and the same everywhere. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1) >>> 0;
    for (let turn = 0; turn < 4; turn++) this.below(2);
  }

  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

const oddNumbers = ["-1", "0", "1e309", "4294967296", "9007199254740993", "99999999999999999999", "1.5", "NaN", "null"];
const oddTexts = [
  "",
  "__proto__",
  "constructor",
  "\u0000",
  "%00",
  "../..",
  "\\u0000",
  '"',
  "{}",
  "[]",
  ",",
  ";",
  "=",
  "/",
  "*",
];
const lengthMax = 20_000;

export function mutatedText(chance: Chance, samples: readonly string[]): string {
  let text = chance.of(samples);
  for (let change = chance.below(6); change >= 0; change--) text = changedText(chance, text, samples);
  return text.length > lengthMax ? text.slice(0, lengthMax) : text;
}

function changedText(chance: Chance, text: string, samples: readonly string[]): string {
  const from = chance.below(text.length + 1);
  const to = Math.min(text.length, from + chance.below(12));
  switch (chance.below(8)) {
    case 0:
      return text.slice(0, from) + text.slice(to);
    case 1:
      return text.slice(0, to) + text.slice(from);
    case 2:
      return (
        text.slice(0, from) + String.fromCharCode(chance.below(chance.below(8) === 0 ? 65_536 : 128)) + text.slice(from)
      );
    case 3:
      return text.slice(0, from) + chance.of(oddTexts) + text.slice(to);
    case 4:
      return text.replace(/-?\d+/, chance.of(oddNumbers));
    case 5:
      return text.slice(0, from) + chance.of(samples).slice(chance.below(40)) + text.slice(to);
    case 6:
      return text.slice(0, from) + text.slice(from, to).repeat(1 + chance.below(200)) + text.slice(to);
    default:
      return text.slice(0, from) + (text[from] ?? "").toUpperCase() + text.slice(from + 1);
  }
}

export function mutatedBytes(chance: Chance, samples: readonly Uint8Array[]): Uint8Array {
  let bytes = Buffer.from(chance.of(samples));
  for (let change = chance.below(6); change >= 0; change--) bytes = changedBytes(chance, bytes, samples);
  return bytes.subarray(0, lengthMax);
}

function changedBytes(chance: Chance, bytes: Buffer, samples: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  const from = chance.below(bytes.length + 1);
  const to = Math.min(bytes.length, from + chance.below(16));
  const copy = Buffer.from(bytes);
  switch (chance.below(6)) {
    case 0:
      if (from < copy.length) copy[from]! ^= 1 << chance.below(8);
      return copy;
    case 1:
      return copy.fill(chance.of([0, 0xff, 0x7f, chance.below(256)]), from, to);
    case 2:
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, from), chance.of(samples), bytes.subarray(to)]);
    default:
      return copy.subarray(0, from);
  }
}
