/** The journal's records: what is written is read back, and nothing that was cut or spoiled is believed. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesJoin } from "#base/mod.ts";
import { checkOf, decodeJournal, encodeRecord, firstCheck, piecesPerRecordMax, type JournalRecord } from "./journal.ts";

const eightBytes = fc.uint8Array({ minLength: 8, maxLength: 8 });
const anyIndex = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyRecord: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("pieces" as const),
    mark: eightBytes,
    pieces: fc.array(fc.record({ index: anyIndex, digest: fc.uint8Array({ minLength: 32, maxLength: 32 }) }), {
      minLength: 1,
      maxLength: piecesPerRecordMax,
    }),
  }),
  fc.record({ kind: fc.constant("lost" as const), index: anyIndex }),
  fc.record(
    {
      kind: fc.constant("object" as const),
      url: fc.webUrl(),
      generation: fc.string(),
      pieceBytes: fc.nat(),
      lengthBytes: fc.nat(),
      validator: fc.string({ unit: "grapheme" }),
    },
    { requiredKeys: ["kind", "url", "generation", "pieceBytes"], noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant("end" as const), lengthBytes: fc.nat(), digests: fc.array(fc.string()) }),
  fc.record({ kind: fc.constant("notes" as const), notes: fc.constant({ facts: { status: 200 } }) }),
);

/** Each behind the one before it. */
function encodeAll(records: readonly JournalRecord[]): Uint8Array[] {
  const encoded: Uint8Array[] = [];
  for (const record of records) encoded.push(encodeRecord(record, checkOf(encoded.at(-1) ?? firstCheck)));
  return encoded;
}

/** Records as plain values, so that views and copies of bytes compare alike. */
const plain = (records: readonly JournalRecord[]): unknown =>
  JSON.parse(JSON.stringify(records, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)));

describe("the journal", () => {
  test("property: what is written is read back, in order", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 20 }), (records) => {
        const bytes = bytesJoin(encodeAll(records));
        const read = decodeJournal(bytes);
        assert.equal(read.validBytes, bytes.length);
        assert.deepEqual(plain(read.records), plain(records));
      }),
    );
  });

  test("property: cut anywhere, it ends at the last whole record", () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0, max: 1 }),
        (records, share) => {
          const parts = encodeAll(records);
          const bytes = bytesJoin(parts);
          const cut = Math.floor(Number.isNaN(share) ? 0 : share * bytes.length);
          let whole = 0;
          let ends = 0;
          while (whole < parts.length && ends + parts[whole]!.length <= cut) ends += parts[whole++]!.length;
          const read = decodeJournal(bytes.subarray(0, cut));
          assert.equal(read.validBytes, ends);
          assert.deepEqual(plain(read.records), plain(records.slice(0, whole)));
        },
      ),
    );
  });

  test("property: one changed byte ends it before the record that was changed", () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (records, at, flip) => {
          const parts = encodeAll(records);
          const bytes = bytesJoin(parts);
          const place = at % bytes.length;
          bytes[place]! ^= flip;
          let spoiled = 0;
          for (let end = parts[0]!.length; end <= place; end += parts[spoiled]!.length) spoiled++;
          assert.equal(decodeJournal(bytes).records.length, spoiled);
        },
      ),
    );
  });

  test("property: records of another journal behind one of ours are not ours", () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, fc.array(anyRecord, { minLength: 1, maxLength: 5 }), (ours, theirs, rest) => {
        fc.pre(JSON.stringify(plain([ours])) !== JSON.stringify(plain([theirs])));
        const [, ...behind] = encodeAll([theirs, ...rest]);
        const read = decodeJournal(bytesJoin([...encodeAll([ours]), ...behind]));
        assert.deepEqual(plain(read.records), plain([ours]));
      }),
    );
  });

  test("property: a file that is no journal is no reason to fail", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const read = decodeJournal(bytes);
        assert.ok(read.validBytes <= bytes.length);
      }),
    );
  });
});
