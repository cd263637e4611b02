/** The reach policy as settings of the roles that go to origins: which they may fetch, for whom, how much, how long. */

import { parseRange, type AddressRange, type ReachPolicy } from "#core/reach/mod.ts";
import { several, single, type Kind } from "./kind.ts";
import { bytes, choice, count, duration } from "./kinds.ts";
import { setting, type ValuesOf } from "./setting.ts";

const topic = "Which origins may be fetched";

const hostPattern: Kind<string> = single({ placeholder: "HOST" }, (value) =>
  /^(?:\*\.)?[a-z0-9._:[\]-]{1,253}$/i.test(value)
    ? { value: value.toLowerCase() }
    : { problem: "it should be a host such as files.example, or *.example for all below it" },
);

interface WrittenRange extends AddressRange {
  readonly text: string;
}

const range: Kind<WrittenRange> = single(
  { placeholder: "RANGE" },
  (text) => {
    const read = parseRange(text);
    return read === undefined
      ? { problem: "it should be an address or a range such as 10.0.0.0/8 or fd00::/8" }
      : { value: { ...read, text } };
  },
  ({ text }) => text,
);

export const reachSettings = {
  originSchemes: setting({
    name: "origin-schemes",
    kind: { ...several(choice("http", "https")), placeholder: "SCHEME[,SCHEME]" },
    default: ["http", "https"],
    live: true,
    topic,
    help: "schemes of URLs that may be fetched",
  }),
  originHosts: setting({
    name: "origin-hosts",
    kind: several(hostPattern),
    default: { text: "every host", from: () => [] },
    live: true,
    topic,
    help: "hosts that may be fetched from; *.example: all below example",
  }),
  originPorts: setting({
    name: "origin-ports",
    kind: several(count({ min: 1, max: 65_535 })),
    default: { text: "every port", from: () => [] },
    live: true,
    topic,
    help: "ports that may be fetched from",
  }),
  originClosed: setting({
    name: "origin-closed",
    kind: several(range),
    default: { text: "none", from: () => [] },
    live: true,
    topic,
    help: "address ranges that nobody may fetch from, whatever name leads there",
  }),
  originOpen: setting({
    name: "origin-open",
    kind: several(range),
    default: { text: "none", from: () => [] },
    live: true,
    topic,
    help: "ranges open to everybody among those (loopback, link-local, clouds' metadata) for callers on this machine alone",
  }),
  originSizeBytesMax: setting({
    name: "origin-size-max",
    kind: bytes({ min: 1, max: Infinity }),
    default: 2 ** 40,
    live: true,
    topic,
    help: "longest object that is fetched",
  }),
  originTimeMsMax: setting({
    name: "origin-time-max",
    kind: duration({ min: 1000, max: Infinity }),
    default: 24 * 3_600_000,
    live: true,
    topic,
    help: "longest time that one answer of an origin may take",
  }),
} as const;

export function reachPolicyOf(values: ValuesOf<typeof reachSettings>): ReachPolicy {
  return {
    schemes: values.originSchemes,
    hosts: values.originHosts,
    ports: values.originPorts,
    closed: values.originClosed,
    open: values.originOpen,
    objectBytesMax: values.originSizeBytesMax,
    answerMsMax: values.originTimeMsMax,
  };
}
