/** What `darner up` says once it runs: what runs where, and the next commands to copy. */

export interface UpFacts {
  readonly configServiceUrl: string;
  readonly managerUrl: string;
  readonly daemonUrl: string;
  /** Undefined when the image proxy is off. */
  readonly proxyUrl: string | undefined;
  readonly socketPath: string;
  /** Only where dfget would not look by itself. */
  readonly socketFlag: boolean;
  readonly dataDirectory: string;
  /** How dfget is called on this machine: its name, or its path where the name is not found. */
  readonly dfget: string;
  /** How this command is called. */
  readonly darner: string;
  /** Whether other machines can reach it. */
  readonly open: boolean;
  /** How one joins; undefined where none needs to or none can. */
  readonly join: string | undefined;
  /** The daemon speaks with the manager. */
  readonly ready: boolean;
}

export function upText(facts: UpFacts): string {
  const socket = facts.socketFlag ? ` --socket ${shellWord(facts.socketPath)}` : "";
  return [
    "Darner runs:",
    "",
    `  config service   ${facts.configServiceUrl}`,
    `  cluster manager  ${facts.managerUrl}`,
    `  host daemon      ${facts.daemonUrl}, for this machine's users at ${facts.socketPath}`,
    ...(facts.proxyUrl === undefined
      ? []
      : [`  image proxy      ${facts.proxyUrl}, for engines: ${shellWord(facts.darner)} engine configure docker`]),
    `  data             ${facts.dataDirectory}`,
    "",
    ...(facts.ready ? [] : ["The daemon does not reach its manager yet; what is wrong will stand below.", ""]),
    "Get something, in another terminal:",
    "",
    `  ${shellWord(facts.dfget)}${socket} URL`,
    "",
    ...secondMachine(facts),
    "",
    "Ctrl-C ends all of it.",
    "",
  ].join("\n");
}

function secondMachine({ open, join, managerUrl, darner }: UpFacts): string[] {
  if (join !== undefined) {
    return [
      "A second machine joins once, within the hour, with",
      "",
      `  darner ${join}`,
      "",
      "and gets things from then on, what this one has from here, with",
      "",
      "  dfget URL",
    ];
  }
  if (open) {
    return [
      "On a second machine, where what this one has is not asked of the origin again:",
      "",
      `  dfget --manager ${managerUrl} --trust off URL`,
      "",
      "Trust is off: nothing is encrypted and anybody on the network can ask. Closed networks only.",
    ];
  }
  return [
    "Only this machine can use it. For a second machine, start it so:",
    "",
    `  ${shellWord(darner)} up --listen 0.0.0.0`,
  ];
}

/** As a shell reads it back. */
function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
