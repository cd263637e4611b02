/** The memberships that lie in a data directory, and what their cluster says to each. */

import { existsSync, readFileSync } from "node:fs";
import { judgeMembership, type Finding, type FoundMembership } from "#clients/darner/mod.ts";
import { asDarnerError } from "#base/mod.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import type { Identity } from "#platform/keys/identity.ts";
import { nodeMachine } from "#platform/machine/machine.node.ts";
import { signingKeyFromPem } from "#platform/keys/signing.ts";
import { joinedConfigService } from "./line/joined-cluster.ts";
import { folderOfRole, readIdentity } from "./roles/membership-files.ts";

const answerTimeoutMs = 3000;

export async function examineMemberships(dataDirectory: string): Promise<Finding[]> {
  const folders = Object.values(folderOfRole).filter((folder) =>
    existsSync(`${dataDirectory}/${folder}/certificate.pem`),
  );
  const found = await Promise.all(folders.map((folder) => examineFolder(dataDirectory, folder)));
  return found.map((membership) => judgeMembership(membership, nodeMachine.wallMs()));
}

async function examineFolder(dataDirectory: string, folder: string): Promise<FoundMembership> {
  const directory = `${dataDirectory}/${folder}`;
  try {
    const identity = readIdentity(directory, signingKeyFromPem(readFileSync(`${directory}/key.pem`, "utf8")));
    const configService = joinedConfigService(dataDirectory, folder);
    if (identity === undefined || configService === undefined) throw new Error("half of it is missing");
    return { directory, member: identity.member, refusal: await refusalOf(identity, configService) };
  } catch (error) {
    const why = asDarnerError(error).message.replace(/^unexpected failure: /, "");
    return { directory, member: undefined, trouble: `${directory}: ${why}; join the cluster again with darner join` };
  }
}

/** An unreachable config service is a finding of its own. */
async function refusalOf(identity: Identity, configService: string): Promise<string | undefined> {
  const http = createNodeHttpJson(identity);
  const url = new URL("/v1/settings", configService);
  try {
    await http.request({ method: "GET", url, role: "config-service", timeoutMs: answerTimeoutMs });
    return undefined;
  } catch (error) {
    const { code, message } = asDarnerError(error);
    return code.startsWith("network.") ? undefined : message;
  } finally {
    http.close();
  }
}
