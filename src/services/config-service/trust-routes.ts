/**
 * The routes of trust: who joins, renews, is revoked, and which tokens operators hold. A join token is
 * a credential of its own, which `Membership.join` asks for; all else is asked for at the gate.
 */

import { DarnerError } from "#base/mod.ts";
import { callerAddress, callerOf } from "#platform/sockets/caller.ts";
import type { Route, RouteAnswer, RouteRequest } from "#platform/http-server/server.ts";
import { readApiTokenWanted, type ApiTokens } from "./api-tokens.ts";
import { readInvitation, readJoinAsk, type Membership } from "./membership.ts";
import { untilChanged } from "./routes.ts";
import type { EpochKeeper } from "./epoch-keeper.ts";
import type { Watchers } from "./watchers.ts";

export interface Trust {
  /** Where others reach this service. */
  readonly url: () => string;
  readonly membership: Membership;
  readonly apiTokens: ApiTokens;
  readonly epochs: EpochKeeper;
  readonly epochWatchers: Watchers;
}

/** `trust` throws `cluster.unreachable` while the service is starting. */
export function trustRoutes(trust: () => Trust): readonly Route[] {
  return [...joinRoutes(trust), ...memberRoutes(trust), ...tokenRoutes(trust), ...epochRoutes(trust)];
}

function epochRoutes(trust: () => Trust): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/seal-epochs",
      doc: "For managers: what the keys of sealed objects are made from: ?after=VERSION&waitMs=.",
      access: ["manager"],
      async handle(request) {
        const { epochs, epochWatchers, membership } = trust();
        await untilChanged(request, epochWatchers, epochs.version);
        // A manager that was revoked while it waited is what the new epoch is made against; and who came
        // over the admin socket was let in by its file, and has no use for secrets.
        const caller = callerOf(request.raw);
        if (caller.kind === "member" && !membership.isRevoked(caller.member.id)) return answer(epochs.told);
        throw new DarnerError(
          "trust.right",
          "cannot tell the seal epochs: the caller should be a manager of the cluster",
        );
      },
    },
  ];
}

function joinRoutes(trust: () => Trust): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/join",
      doc: "Makes a member of who shows a join token and signs with its key: {token, publicKey, signature, name}.",
      access: "own-credential",
      async handle(request) {
        const ask = readJoinAsk(await request.json(), callerAddress(request.raw) ?? "");
        const { membership } = trust();
        return answer({ ...(await membership.join(ask)), authority: membership.authority });
      },
    },
    {
      method: "POST",
      path: "/v1/certificates",
      doc: "A new certificate for the member that asks.",
      access: ["host", "manager"],
      async handle(request) {
        const caller = callerOf(request.raw);
        if (caller.kind !== "member") {
          throw new DarnerError("trust.credential", "cannot renew a certificate: the caller shows none");
        }
        const { id, publicKey } = caller.member;
        return answer({ certificate: await trust().membership.renew(id, publicKey) });
      },
    },
  ];
}

function memberRoutes(trust: () => Trust): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/v1/members",
      doc: "All members, the revoked ones too.",
      access: ["read"],
      handle: async () => answer({ members: trust().membership.members }),
    },
    {
      method: "DELETE",
      path: "/v1/members/:id",
      doc: "Revokes a member: it is refused everywhere from now on.",
      access: ["admin"],
      handle: async (request) => {
        if (await trust().membership.revoke(param(request, "id"))) return answer({});
        throw unknown(`revoke the member ${param(request, "id")}`, "darner member list");
      },
    },
    {
      method: "POST",
      path: "/v1/join-tokens",
      doc: "Makes a join token: {role, uses, lifeMs}.",
      access: ["admin"],
      handle: async (request) => {
        const { membership, url } = trust();
        return answer({ ...(await membership.invite(readInvitation(await request.json()))), url: url() });
      },
    },
    {
      method: "GET",
      path: "/v1/join-tokens",
      doc: "The join tokens that still count, without their secrets.",
      access: ["admin"],
      handle: async () => answer({ tokens: trust().membership.invitations }),
    },
    {
      method: "DELETE",
      path: "/v1/join-tokens/:id",
      doc: "Withdraws a join token, by the first eight digits of its id or more.",
      access: ["admin"],
      handle: async (request) => {
        if (await trust().membership.withdraw(param(request, "id"))) return answer({});
        throw unknown(`withdraw the join token ${param(request, "id")}`, "darner member invitations");
      },
    },
  ];
}

function tokenRoutes(trust: () => Trust): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/api-tokens",
      doc: "Makes an operator's token: {name, scopes, lifeMs}.",
      access: ["admin"],
      handle: async (request) =>
        answer({ token: await trust().apiTokens.create(readApiTokenWanted(await request.json())) }),
    },
    {
      method: "GET",
      path: "/v1/api-tokens",
      doc: "The operators' tokens, without their secrets.",
      access: ["admin"],
      handle: async () => answer({ tokens: trust().apiTokens.all }),
    },
    {
      method: "DELETE",
      path: "/v1/api-tokens/:name",
      doc: "Revokes an operator's token.",
      access: ["admin"],
      handle: async (request) => {
        if (await trust().apiTokens.revoke(param(request, "name"))) return answer({});
        throw unknown(`revoke the token ${param(request, "name")}`, "darner token list");
      },
    },
    {
      method: "POST",
      path: "/v1/api-tokens/check",
      doc: "For managers: the scopes of the token with this SHA-256: {digest}; none when it does not count.",
      access: ["manager"],
      async handle(request) {
        const { digest } = ((await request.json()) ?? {}) as { digest?: unknown };
        return answer({ scopes: trust().apiTokens.scopesOfDigest(String(digest)) ?? [] });
      },
    },
  ];
}

const answer = (json: object): RouteAnswer => ({ status: 200, json });
const param = (request: RouteRequest, name: string): string => request.params[name] ?? "";

function unknown(action: string, list: string): DarnerError {
  return new DarnerError("cluster.refused", `cannot ${action}: there is none; see ${list}`, {
    facts: { httpStatus: 404 },
  });
}
