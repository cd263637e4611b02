/** What people may write for each kind of setting, and that every value can be written back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { several, toggle, type Kind } from "./kind.ts";
import { bytes, choice, count, duration, host, listenAddress, name, rate, ratio, roleUrl, text } from "./kinds.ts";

const size = bytes({ min: 1024, max: Infinity });
const time = duration({ min: 1000, max: Infinity });

function value<T>(kind: Kind<T>, ...texts: string[]): T {
  const read = kind.read(texts);
  if ("problem" in read) assert.fail(`"${texts.join()}" is refused: ${read.problem}`);
  return read.value;
}

function problem(kind: Kind<unknown>, ...texts: string[]): string {
  const read = kind.read(texts);
  if ("value" in read) assert.fail(`"${texts.join()}" is taken as ${JSON.stringify(read.value)}`);
  return read.problem;
}

test("sizes, rates, times, counts and shares are read with their units", () => {
  assert.equal(value(size, "10MiB"), 10 * 2 ** 20);
  assert.equal(value(size, " unlimited "), Infinity);
  assert.equal(value(rate, "80Mbit"), 10_000_000);
  assert.equal(value(rate, "unlimited"), Infinity);
  assert.equal(value(time, "5m"), 300_000);
  assert.equal(value(time, "never"), Infinity);
  assert.equal(value(count({ min: 0, max: 9 }), "9"), 9);
  assert.equal(value(ratio({ min: 0, max: 1 }), "85%"), 0.85);
  assert.equal(value(choice("on", "off"), "OFF"), "off");
});

test("what cannot be read, or lies out of bounds, is told with what should be", () => {
  assert.equal(problem(size, "ten"), "it should be a size such as 500MB or 10GiB");
  assert.equal(problem(size, "1b"), "it should be at least 1KiB");
  assert.equal(problem(rate, "fast"), "it should be a rate such as 10MB, 80Mbit or unlimited");
  assert.equal(problem(time, "10ms"), "it should be at least 1s");
  assert.equal(problem(duration({ min: 0, max: 60_000 }), "never"), "it should be at most 1m");
  assert.equal(problem(count({ min: 1, max: 4 }), "1.5"), "it should be a whole number");
  assert.equal(problem(count({ min: 1, max: 4 }), "-1"), "it should be a whole number");
  assert.equal(problem(ratio({ min: 0, max: 1 }), "120%"), "it should be at most 1");
  assert.equal(problem(choice("on", "off"), "maybe"), "it should be on or off");
  assert.equal(problem(text("FILE"), ""), "it should not be empty");
  assert.match(problem(name, "-x"), /letters, digits/);
  assert.match(problem(name, "a/b"), /letters, digits/);
});

test("addresses: a host and a port, a bare port, IPv6 in brackets", () => {
  assert.deepEqual(value(listenAddress, "10.0.0.1:80"), { kind: "tcp", host: "10.0.0.1", port: 80 });
  assert.deepEqual(value(listenAddress, "[::1]:0"), { kind: "tcp", host: "::1", port: 0 });
  assert.deepEqual(value(listenAddress, "8002"), { kind: "tcp", host: "0.0.0.0", port: 8002 });
  assert.deepEqual(value(listenAddress, ":8002"), { kind: "tcp", host: "0.0.0.0", port: 8002 });
  for (const wrong of ["", "host", "host:", "1:2:3", "::1:80", "host:70000"]) problem(listenAddress, wrong);
  assert.equal(value(host, "[fe80::1]"), "fe80::1");
  for (const wrong of ["", "a:80", "a/b", "a b", "u@h"]) problem(host, wrong);
});

test("the URL of a role has a scheme, a host and a port; a password in it is refused", () => {
  assert.equal(value(roleUrl, "http://10.0.0.2:8002/"), "http://10.0.0.2:8002");
  for (const wrong of ["10.0.0.2:8002", "ftp://h", "http://u:p@h", "http://h/path", "http://h/?q"])
    problem(roleUrl, wrong);
});

test("a list comes from commas and from repetition; a header keeps its commas", () => {
  assert.deepEqual(value(several(name), "a,b", "c"), ["a", "b", "c"]);
  assert.deepEqual(value(several(name), ""), []);
  problem(several(name), "a,b c");
  assert.deepEqual(value(several(text("LINE"), "none"), "Accept: a, b", "X: y"), ["Accept: a, b", "X: y"]);
});

test("a switch is on or off", () => {
  for (const on of ["true", "1", "yes", "ON"]) assert.equal(value(toggle, on), true);
  for (const off of ["false", "0", "no"]) assert.equal(value(toggle, off), false);
  problem(toggle, "perhaps");
});

test("every value, written, reads back the same", () => {
  const whole = fc.integer({ min: 1024, max: 2 ** 48 });
  const steps = fc.constantFrom(1, 1000, 1024, 1e6, 2 ** 20, 125_000, 60_000, 3_600_000, 86_400_000);
  const numbers = fc.tuple(fc.integer({ min: 1, max: 4096 }), steps).map(([n, step]) => Math.max(1024, n * step));
  fc.assert(
    fc.property(fc.oneof(whole, numbers), (number) => {
      for (const kind of [size, rate, time]) assert.equal(value(kind, kind.write(number)), number, kind.write(number));
    }),
  );
  for (const kind of [size, rate, time]) assert.equal(value(kind, kind.write(Infinity)), Infinity);
  for (const address of ["[::1]:5", "a:0"]) assert.equal(listenAddress.write(value(listenAddress, address)), address);
});
