/** What a user hands to dfget in files, spoiled: a list, a netrc, headers. A value or an error of ours comes out. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DarnerError } from "#base/mod.ts";
import { Chance, mutatedText } from "../../../test/fuzz/mutation.ts";
import { parseList } from "./list-lines.ts";
import { findLogin, parseHeaders } from "./request-headers.ts";

const list = "http://h/a\tout/a\tsha256:00\n# a comment\r\nhttp://h/b\n\thttp://h/c\t\t\n";
const netrc = 'machine h login u password "p w"\ndefault login anonymous password x\nmacdef m\n';
const headers = "Authorization: Bearer t\nX-Odd: a: b\nAccept:";

function holds(parse: (text: string) => void, sample: string): void {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      try {
        parse(mutatedText(new Chance(seed), [sample]));
      } catch (error) {
        if (!(error instanceof DarnerError)) throw error;
      }
    }),
    { numRuns: 3_000 },
  );
}

test("lists", () => holds((text) => parseList(text, "the list").every(({ url }) => assert.notEqual(url, "")), list));
test("netrc", () => holds((text) => void findLogin(text, "h"), netrc));
test("headers: no value brings a second line into the request", () =>
  holds((text) => {
    for (const value of Object.values(parseHeaders(text.split("\n")))) assert.doesNotMatch(value, /[\r\n\0]/);
  }, headers));
