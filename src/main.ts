/**
 * The entry: finds the command and loads it, and nothing else, since what is loaded is what a start
 * costs. Together with commands/, the only place where ports meet their real hands.
 */

import { forgiveClosedOutput, runProgram } from "./commands/run/program.ts";

/** Gets what follows the command's name; resolves to the exit status. */
export interface CommandModule {
  run(argv: readonly string[]): Promise<number>;
}

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

const commands: Readonly<Record<string, CommandEntry>> = {
  "up": { summary: "run everything on this machine in one process", load: () => import("./commands/up.ts") },
  "cluster-manager": {
    summary: "fetch each object once, seed it, match the hosts",
    load: () => import("./commands/cluster-manager.ts"),
  },
  "config-service": {
    summary: "tell hosts their nearest managers, hold the cluster's settings",
    load: () => import("./commands/config-service.ts"),
  },
  "daemon": { summary: "get and give objects on this machine", load: () => import("./commands/daemon.ts") },
  "join": { summary: "make this machine a member of a cluster", load: () => import("./commands/join.ts") },
  "member": { summary: "invite, list and revoke the members of a cluster", load: () => import("./commands/member.ts") },
  "token": { summary: "make, list and revoke operators' tokens", load: () => import("./commands/token.ts") },
  "config": { summary: "show every setting and where it came from", load: () => import("./commands/config.ts") },
  "engine": {
    summary: "make the image proxy the mirror of a container engine",
    load: () => import("./commands/engine.ts"),
  },
  "preheat": {
    summary: "have images and files in place before anybody asks for them",
    load: () => import("./commands/preheat.ts"),
  },
  "dfget": { summary: "get objects, as the command dfget does", load: () => import("./commands/dfget.ts") },
  "set": { summary: "change a setting of what runs, or of the cluster", load: () => import("./commands/set.ts") },
  "store": { summary: "check what this machine keeps, or make room", load: () => import("./commands/store.ts") },
  "host": { summary: "list the hosts of a cluster, drain one", load: () => import("./commands/host.ts") },
  "manager": { summary: "list the managers of a cluster, drain one", load: () => import("./commands/manager.ts") },
  "task": {
    summary: "show what cluster managers distribute, and why it took so long",
    load: () => import("./commands/task.ts"),
  },
  "sim": { summary: "simulate whole clusters of hosts in virtual time", load: () => import("./commands/sim.ts") },
  "doctor": { summary: "check that this machine can run Darner", load: () => import("./commands/doctor.ts") },
};

async function main([name, ...rest]: readonly string[]): Promise<number> {
  if (name === "help" && rest.length > 0) return await main([...rest, "--help"]);
  const entry = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry !== undefined) return (await entry.load()).run(rest);
  const { topLevel } = await import("./commands/line/top-level.ts");
  return topLevel(name, commands);
}

forgiveClosedOutput();
const argv = process.argv.slice(2);
void runProgram(argv[0] === "dfget" ? "dfget" : "darner", () => main(argv));
