/** The two upgrades of a role's port: `/control` for hosts at a manager, `/pieces` for children at a parent. */

import type { IncomingMessage } from "node:http";
import type { Member } from "#core/model/mod.ts";
import { protocolVersion } from "#core/protocol/mod.ts";
import { callerOf } from "#platform/sockets/caller.ts";
import type { Connection } from "#platform/sockets/connection.ts";
import { acceptUpgrade, refuseUpgrade, upgradeHeader } from "#platform/sockets/connection.node.ts";
import type { UpgradeRoute } from "#platform/http-server/server.ts";
import type { Native } from "#platform/native/calls.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";

interface Owner {
  received(bytes: Uint8Array): void;
  ended(): void;
}

const version = `${protocolVersion.major}.${protocolVersion.minor}`;

/** What another major version is told, or undefined when the request fits. */
function versionProblem(request: IncomingMessage): string | undefined {
  const asked = upgradeHeader(request, "Darner-Version") ?? "none";
  return Number(asked.split(".")[0]) === protocolVersion.major
    ? undefined
    : `protocol ${asked} asked for, ${version} spoken here`;
}

export function upgradeToControl(
  accept: (connection: Connection, address: string, member: Member | undefined) => Owner,
  native: Native,
): UpgradeRoute {
  return {
    path: "/control",
    doc: "A host's control connection, or another manager's: framed JSON messages.",
    access: ["host", "manager"],
    handle(request, socket, head) {
      const problem = versionProblem(request);
      if (problem !== undefined) return refuseUpgrade(socket, 426, problem);
      const address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
      const caller = callerOf(request);
      const member = caller.kind === "member" ? caller.member : undefined;
      take(socket, head, { "Darner-Version": version }, native, (connection) => accept(connection, address, member));
    },
  };
}

export function upgradeToPieces(
  accept: (connection: Connection, host: string, nonce: string) => Owner,
  native: Native,
  self: string,
): UpgradeRoute {
  return {
    path: "/pieces",
    doc: "A child's piece connection: framed binary. The connection is opened by a signed nonce and a ticket.",
    access: "own-credential",
    handle(request, socket, head) {
      // The pieces leave by sendfile(2), under which no TLS can be.
      if ("encrypted" in socket) return refuseUpgrade(socket, 426, "pieces travel on a plain connection");
      const problem = versionProblem(request);
      if (problem !== undefined) return refuseUpgrade(socket, 426, problem);
      const host = upgradeHeader(request, "Darner-Host") ?? "";
      const nonce = `${self}:${Buffer.from(nodeRandom.bytes(16)).toString("hex")}`;
      take(socket, head, { "Darner-Version": version, "Darner-Nonce": nonce }, native, (connection) =>
        accept(connection, host, nonce),
      );
    },
  };
}

function take(
  socket: Parameters<typeof acceptUpgrade>[0],
  head: Uint8Array,
  headers: Readonly<Record<string, string>>,
  native: Native,
  own: (connection: Connection) => Owner,
): void {
  const taken: { owner?: Owner } = {};
  const handlers = {
    onBytes: (bytes: Uint8Array) => taken.owner?.received(bytes),
    onClose: () => taken.owner?.ended(),
  };
  taken.owner = own(acceptUpgrade(socket, head, headers, handlers, native));
}
