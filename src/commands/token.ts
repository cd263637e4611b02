/** `darner token create|list|revoke`: what operators and programs may do in a cluster. */

import { tokenTable, type ListedToken } from "#clients/darner/mod.ts";
import { DarnerError, parseDurationMs } from "#base/mod.ts";
import { isScope, scopes as allScopes } from "#core/model/mod.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";
import { asking } from "./asking/config-service-asker.ts";

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner token", "What operators and programs may do in a cluster.");
  const create = program.command("create").description("Make a token and print it, this once.");
  create.argument("<NAME>", "whose it is, for the list and the log");
  create.requiredOption("--scope <SCOPE[,SCOPE]>", `what it allows: ${allScopes.join(", ")}`);
  create.option("--life <TIME>", "how long it counts (default: until it is revoked)");
  asking(create, async ({ ask }, [name]) => {
    const { scope, life } = create.opts<{ scope: string; life?: string }>();
    const scopes = scope.split(",");
    const lifeMs = life === undefined ? null : parseDurationMs(life);
    if (!scopes.every(isScope) || lifeMs === undefined) {
      const should = `--scope is of ${allScopes.join(", ")}, --life a time such as 12h`;
      throw new DarnerError("usage", `cannot make a token: ${should}`);
    }
    return `${String((await ask("POST", "/v1/api-tokens", { name, scopes, lifeMs }))["token"])}\n`;
  });
  const list = program.command("list").description("Show the tokens, without their secrets.");
  asking(list, async ({ ask }) => {
    const { tokens } = await ask("GET", "/v1/api-tokens");
    return tokenTable(tokens as readonly ListedToken[], Date.now());
  });
  const revoke = program.command("revoke").description("Let a token count no longer.");
  revoke.argument("<NAME>", "as darner token list shows it");
  asking(revoke, async ({ ask }, [name]) => {
    await ask("DELETE", `/v1/api-tokens/${encodeURIComponent(name!)}`);
    return `the token ${name} is revoked; managers may accept it for 30 s more\n`;
  });
  await parseCommandLine(program, argv);
  return 0;
}
