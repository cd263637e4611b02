/** Addresses and ranges, by example and against the operating system's own block list. */

import * as assert from "node:assert/strict";
import { BlockList } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { addressInRange, isLoopbackAddress, isUnspecifiedAddress, parseAddress, parseRange } from "./address.ts";

const holds = (range: string, address: string): boolean => addressInRange(parseAddress(address)!, parseRange(range)!);

test("an address lies in the ranges that share its leading bits", () => {
  assert.ok(holds("10.0.0.0/8", "10.255.3.4"));
  assert.ok(!holds("10.0.0.0/8", "11.0.0.1"));
  assert.ok(holds("192.168.4.0/22", "192.168.7.255"));
  assert.ok(!holds("192.168.4.0/22", "192.168.8.0"));
  assert.ok(holds("fd00:2::/32", "fd00:2:ffff::1"));
  assert.ok(!holds("fd00:2::/32", "fd00:3::1"));
  assert.ok(holds("10.1.2.3", "10.1.2.3") && !holds("10.1.2.3", "10.1.2.4"));
  assert.ok(holds("0.0.0.0/0", "203.0.113.9"));
});

test("a mapped address is the IPv4 address; no IPv6 range holds an IPv4 address", () => {
  assert.ok(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
  assert.ok(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
  assert.ok(!holds("::/0", "10.1.2.3"));
  assert.ok(!holds("0.0.0.0/0", "fd00::1"));
});

test("what is no address or range is refused", () => {
  for (const text of [
    "",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "1:2",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7:8::",
    "g::",
    "host",
  ]) {
    assert.equal(parseAddress(text), undefined, text);
  }
  for (const text of [
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "/8",
    "::ffff:10.0.0.0/90",
  ]) {
    assert.equal(parseRange(text), undefined, text);
  }
});

test("loopback and unspecified addresses are known in each spelling", () => {
  for (const text of ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"]) {
    assert.ok(isLoopbackAddress(text), text);
  }
  for (const text of ["128.0.0.1", "::2", "::", "10.0.0.1", "localhost", ""]) assert.ok(!isLoopbackAddress(text), text);
  assert.ok(isUnspecifiedAddress("0.0.0.0") && isUnspecifiedAddress("[::]") && !isUnspecifiedAddress("::1"));
});

test("ranges agree with the operating system's library", () => {
  const v4 = fc.ipV4();
  const v6 = fc.ipV6().filter((text) => !/^(0*:)*:?(0*:)*ffff:[^:]*(:[^:]*)?$/i.test(text));
  const agree = (family: "ipv4" | "ipv6", base: string, bits: number, address: string): void => {
    const twin = new BlockList();
    twin.addSubnet(base, bits, family);
    assert.equal(holds(`${base}/${bits}`, address), twin.check(address, family), `${base}/${bits} ${address}`);
  };
  fc.assert(
    fc.property(v4, fc.nat(32), v4, (base, bits, other) => {
      agree("ipv4", base, bits, other);
      agree("ipv4", base, bits, base.replace(/\d+$/, "77"));
    }),
  );
  fc.assert(
    fc.property(v6, fc.nat(128), v6, (base, bits, other) => {
      agree("ipv6", base, bits, other);
      agree("ipv6", base, bits, base);
    }),
  );
});
