/** `darner host`: the hosts of a cluster, and those that are to feed nobody any more. */

import { askManager, hostTable, type ListedHost } from "#clients/darner/mod.ts";
import { asDarnerError, DarnerError } from "#base/mod.ts";
import { askingManagers, type AskedManagers } from "./asking/asking-managers.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner host", "The hosts of a cluster.");
  askingManagers(program.command("list").description("Show the hosts that are connected."), async (asked) =>
    hostTable(await allHosts(asked)),
  );
  const drain = program.command("drain").description("Let a host feed nobody any more; its own downloads go on.");
  drain.argument("<ID>", "as darner host list shows it");
  drain.option("--undo", "let it feed others again");
  askingManagers(drain, async (asked, [id = ""]) => {
    const draining = drain.opts<{ undo?: boolean }>().undo !== true;
    if (draining && !(await allHosts(asked)).some((host) => host.id === id)) {
      throw new DarnerError("usage", `cannot drain ${id}: no such host is connected; see darner host list`);
    }
    const path = `/v1/hosts/${encodeURIComponent(id)}/draining`;
    await Promise.all(asked.urls.map((url) => askManager(asked.http, url, "PUT", path, { draining })));
    return `${id} ${draining ? "feeds nobody any more" : "may feed others again"}\n`;
  });
  await parseCommandLine(program, argv);
  return 0;
}

/** A host that several managers know counts once, with the tasks that it has at all of them. */
async function allHosts({ http, urls }: AskedManagers): Promise<readonly ListedHost[]> {
  const answers = await Promise.allSettled(urls.map((url) => askManager(http, url, "GET", "/v1/hosts")));
  const byId = new Map<string, ListedHost>();
  for (const answer of answers) {
    if (answer.status === "rejected") {
      const failure = asDarnerError(answer.reason);
      if (urls.length === 1) throw failure;
      process.stderr.write(`darner: ${failure.message}\n`);
      continue;
    }
    for (const host of answer.value["hosts"] as readonly ListedHost[]) {
      const known = byId.get(host.id);
      const draining = host.draining || known?.draining === true;
      byId.set(host.id, { ...host, tasks: host.tasks + (known?.tasks ?? 0), draining });
    }
  }
  return [...byId.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
