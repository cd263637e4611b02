/** The settings of dfget. Most concern one call; where wget has a flag, it means the same here. */

import { baseSettings, checkTrust, clusterSettings, managerSetting, socketSetting } from "./common.ts";
import { optional, several, toggle } from "./kind.ts";
import { choice, count, duration, rate, text } from "./kinds.ts";
import { setting, settingsGroup } from "./setting.ts";

const output = "Output";
const request = "Request";
const transfer = "Transfer";
const report = "Report";

const outputSettings = {
  output: setting({
    name: "output",
    aliases: ["-O", "-o"],
    kind: optional(text("FILE")),
    default: { text: "the last segment of the URL", from: () => undefined },
    flagOnly: true,
    topic: output,
    help: "write to FILE; - is standard output",
  }),
  directoryPrefix: setting({
    name: "directory-prefix",
    aliases: ["-P"],
    kind: optional(text("DIR")),
    default: { text: "the current directory", from: () => undefined },
    flagOnly: true,
    topic: output,
    help: "save files under DIR",
  }),
  resume: setting({
    name: "continue",
    aliases: ["-c"],
    kind: toggle,
    default: false,
    flagOnly: true,
    topic: output,
    help: "go on with a partial output file",
  }),
  noClobber: setting({
    name: "no-clobber",
    aliases: ["-nc"],
    kind: toggle,
    default: false,
    flagOnly: true,
    topic: output,
    help: "an output that exists is kept and counts as success",
  }),
  inputFile: setting({
    name: "input-file",
    aliases: ["-i"],
    kind: optional(text("FILE")),
    default: undefined,
    flagOnly: true,
    topic: output,
    help: "read lines of URL<TAB>OUTPUT<TAB>DIGEST from FILE; - is standard input",
  }),
  digest: setting({
    name: "digest",
    kind: optional(text("DIGEST")),
    default: undefined,
    flagOnly: true,
    topic: output,
    help: "what the object must be: sha256:HEX, sha512:HEX or md5:HEX",
  }),
} as const;

const requestSettings = {
  header: setting({
    name: "header",
    aliases: ["-H"],
    kind: several(text("LINE"), "none"),
    default: [],
    flagOnly: true,
    topic: request,
    help: "send this header to the origin; @FILE reads one a line",
  }),
  netrc: setting({
    name: "netrc",
    kind: toggle,
    default: false,
    topic: request,
    help: "take user and password from ~/.netrc",
  }),
  range: setting({
    name: "range",
    kind: optional(text("FIRST-LAST")),
    default: undefined,
    flagOnly: true,
    topic: request,
    help: "only these bytes of the object, counted from 0",
  }),
  caCertificate: setting({
    name: "ca-certificate",
    kind: optional(text("FILE")),
    default: undefined,
    topic: request,
    help: "trust the authorities in FILE (PEM) too",
  }),
  filterQuery: setting({
    name: "filter-query",
    kind: several(text("NAME")),
    default: [],
    topic: request,
    help: "query parameters that do not tell one object from another",
  }),
  tag: setting({
    name: "tag",
    kind: optional(text("TEXT")),
    default: undefined,
    topic: request,
    help: "keeps apart what would otherwise be one object",
  }),
  sensitive: setting({
    name: "sensitive",
    kind: toggle,
    default: false,
    topic: request,
    help: "between hosts and in caches the object is encrypted; with --trust off it is not shared at all",
  }),
} as const;

const transferSettings = {
  mode: setting({
    name: "mode",
    kind: choice("p2p", "cdn", "source"),
    default: "p2p",
    topic: transfer,
    help: "p2p: peers and manager; cdn: the manager only; source: the origin only",
  }),
  noBackToSource: setting({
    name: "no-back-to-source",
    kind: toggle,
    default: false,
    topic: transfer,
    help: "fail rather than go to the origin when the cluster cannot help",
  }),
  connections: setting({
    name: "connections",
    kind: count({ min: 1, max: 32 }),
    default: 4,
    topic: transfer,
    help: "connections to the origin, once it has shown that it serves ranges",
  }),
  limitRateBytesPerSecond: setting({
    name: "limit-rate",
    kind: rate,
    default: Infinity,
    topic: transfer,
    help: "bytes a second to receive",
  }),
  tries: setting({
    name: "tries",
    aliases: ["-t"],
    kind: count({ min: 0, max: 1000 }),
    default: 20,
    topic: transfer,
    help: "how often to try what may pass; 0: without end",
  }),
  readTimeoutMs: setting({
    name: "read-timeout",
    aliases: ["-T"],
    kind: duration({ min: 100, max: 86_400_000 }),
    default: 60_000,
    topic: transfer,
    help: "how long to wait for a name, a connection or the next byte",
  }),
  timeoutMs: setting({
    name: "timeout",
    kind: duration({ min: 1, max: Infinity }),
    default: Infinity,
    topic: transfer,
    help: "how long the whole command may take",
  }),
  lingerMs: setting({
    name: "linger",
    kind: duration({ min: 0, max: Infinity }),
    default: 300_000,
    topic: transfer,
    help: "how long a daemon that dfget started serves peers afterwards; 0: start none",
  }),
} as const;

const reportSettings = {
  quiet: setting({
    name: "quiet",
    aliases: ["-q"],
    kind: toggle,
    default: false,
    flagOnly: true,
    topic: report,
    help: "say nothing but errors",
  }),
  json: setting({
    name: "json",
    kind: toggle,
    default: false,
    flagOnly: true,
    topic: report,
    help: "one JSON event a line on standard output (on standard error with -O -)",
  }),
  explain: setting({
    name: "explain",
    kind: toggle,
    default: false,
    flagOnly: true,
    topic: report,
    help: "say which way the bytes came, and why not another",
  }),
} as const;

export const dfgetSettings = settingsGroup({
  section: "dfget",
  title: "dfget",
  settings: {
    ...outputSettings,
    ...requestSettings,
    ...transferSettings,
    ...reportSettings,
    ...clusterSettings,
    ...baseSettings,
    manager: managerSetting,
    socket: socketSetting,
  },
  check: ({ trust, manager, configService }) => checkTrust(trust, [...manager, configService]),
});
