/** What the reach policy says of URLs and addresses: the ways round it that attackers know, each refused. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRange } from "#core/placement/mod.ts";
import { addressRefusal, reachByDefault, urlRefusal } from "./policy.ts";

const policy = reachByDefault;
const url = (text: string): URL => new URL(text);

test("loopback, link-local and metadata are for callers on the same machine, under every spelling", () => {
  const closed = [
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "0.1.2.3",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "64:ff9b::169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "100.100.100.200",
    "fd00:ec2::254",
    "168.63.129.16",
  ];
  for (const address of closed) {
    assert.notEqual(addressRefusal(policy, address, "far"), null, `${address} from afar`);
    assert.equal(addressRefusal(policy, address, "near"), null, `${address} from the same machine`);
  }
});

test("private and public addresses are open to all; multicast and what is no address to nobody", () => {
  for (const address of [
    "10.1.2.3",
    "192.168.0.9",
    "172.16.0.1",
    "100.64.0.1",
    "fd12::1",
    "203.0.113.7",
    "2001:db8::1",
  ])
    assert.equal(addressRefusal(policy, address, "far"), null, address);
  for (const address of [
    "224.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "1.2.3.4.5",
  ])
    assert.notEqual(addressRefusal(policy, address, "near"), null, address);
});

test("what the operator closes is closed to everybody, what he opens is open from afar", () => {
  const own = { ...policy, closed: [parseRange("10.0.0.0/8")!], open: [parseRange("127.0.0.0/8")!] };
  assert.match(addressRefusal(own, "10.1.1.1", "near")!, /closed by the policy/);
  assert.match(addressRefusal(own, "64:ff9b::10.1.1.1", "near")!, /closed by the policy/);
  assert.equal(addressRefusal(own, "127.0.0.1", "far"), null);
  assert.match(addressRefusal(own, "169.254.0.1", "far")!, /link-local/);
  const both = { ...policy, closed: own.open, open: own.open };
  assert.notEqual(addressRefusal(both, "127.0.0.1", "near"), null, "closed goes before open");
});

test("schemes, hosts and ports are allowed by name", () => {
  const own = { ...policy, schemes: ["https"] as const, hosts: ["a.example", "*.b.example"], ports: [443, 8443] };
  const refused = (text: string): string | null => urlRefusal(own, url(text));
  for (const text of [
    "https://a.example/x",
    "https://A.example.:8443/",
    "https://c.b.example/",
    "https://d.c.b.example/",
  ])
    assert.equal(refused(text), null, text);
  assert.match(refused("http://a.example/")!, /scheme http /);
  assert.match(refused("ftp://a.example/")!, /scheme ftp /);
  for (const text of [
    "https://b.example/",
    "https://xb.example/",
    "https://a.example.evil/",
    "https://a.example@evil/",
  ])
    assert.match(refused(text)!, /host /, text);
  assert.match(refused("https://a.example:444/")!, /port 444 /);
});
