/** `darner member`: who belongs to a cluster, and who may come to. */

import { invitationTable, memberTable, type ListedInvitation, type ListedMember } from "#clients/darner/mod.ts";
import { DarnerError, parseDurationMs } from "#base/mod.ts";
import { isJoinableRole } from "#core/model/mod.ts";
import { newCommand, parseCommandLine } from "./line/command-line.ts";
import { asking, type Ask } from "./asking/config-service-asker.ts";

export async function run(argv: readonly string[]): Promise<number> {
  const program = newCommand("darner member", "Who belongs to a cluster.");
  const invite = program.command("invite").description("Print the command with which one more machine joins.");
  invite.option("--role <ROLE>", "what it becomes: host or manager", "host");
  invite.option("--uses <N>", "how many machines may join with it", "1");
  invite.option("--life <TIME>", "how long it counts", "1h");
  asking(invite, ({ ask }) => invited(ask, invite.opts()));
  const list = program.command("list").description("Show all members and how long their certificates count.");
  asking(list, async ({ ask }) => {
    const { members } = await ask("GET", "/v1/members");
    return memberTable(members as readonly ListedMember[], Date.now());
  });
  const invitations = program.command("invitations").description("Show the join tokens that still count.");
  asking(invitations, async ({ ask }) => {
    const { tokens } = await ask("GET", "/v1/join-tokens");
    return invitationTable(tokens as readonly ListedInvitation[], Date.now());
  });
  const withdraw = program.command("withdraw").description("Let a join token count no longer.");
  withdraw.argument("<ID>", "as darner member invitations shows it");
  asking(withdraw, async ({ ask }, [id]) => {
    await ask("DELETE", `/v1/join-tokens/${encodeURIComponent(id!)}`);
    return `the join token ${id} is withdrawn\n`;
  });
  const revoke = program.command("revoke").description("Refuse a member everywhere, from now on.");
  revoke.argument("<ID>", "as darner member list shows it");
  asking(revoke, async ({ ask }, [id]) => {
    await ask("DELETE", `/v1/members/${encodeURIComponent(id!)}`);
    return `${id} is revoked\n`;
  });
  await parseCommandLine(program, argv);
  return 0;
}

async function invited(
  ask: Ask,
  { role, uses, life }: { readonly role: string; readonly uses: string; readonly life: string },
): Promise<string> {
  const lifeMs = parseDurationMs(life);
  if (!isJoinableRole(role) || !/^[1-9]\d{0,4}$/.test(uses) || lifeMs === undefined) {
    throw new DarnerError(
      "usage",
      "cannot invite: --role is host or manager, --uses 1 to 99999, --life a time such as 1h",
    );
  }
  const { token, url } = await ask("POST", "/v1/join-tokens", { role, uses: Number(uses), lifeMs });
  return `darner join ${String(url)} ${String(token)}\n`;
}
