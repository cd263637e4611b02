/**
 * What joining leaves behind in a role's folder: `authority.pem` and `certificate.pem` beside `key.pem`,
 * and in `cluster.json` where the config service is. The certificate is replaced at each renewal.
 */

import { readFileSync } from "node:fs";
import type { JoinableRole } from "#core/model/mod.ts";
import { createNodeIdentity } from "#platform/keys/identity.node.ts";
import type { Identity } from "#platform/keys/identity.ts";
import type { SigningKey } from "#platform/keys/signing.ts";
import { writeWholeFile } from "./whole-file.ts";

/** The folder of the process that a role runs in. */
export const folderOfRole: Readonly<Record<JoinableRole, string>> = { host: "daemon", manager: "cluster-manager" };

export interface JoinedCluster {
  readonly authority: string;
  readonly certificate: string;
  readonly configService: string;
}

/** Undefined when the folder has joined no cluster. Throws `store.corrupt` when it is half there. */
export function readIdentity(directory: string, key: SigningKey): Identity | undefined {
  const certificate = textOf(`${directory}/certificate.pem`);
  const authority = textOf(`${directory}/authority.pem`);
  if (certificate === undefined || authority === undefined) return undefined;
  return createNodeIdentity({ authority, certificate, key });
}

export function writeJoined(directory: string, { authority, certificate, configService }: JoinedCluster): void {
  writeWholeFile(`${directory}/authority.pem`, authority);
  writeWholeFile(`${directory}/certificate.pem`, certificate);
  writeWholeFile(`${directory}/cluster.json`, `${JSON.stringify({ configService }, null, 2)}\n`);
}

export function writeCertificate(directory: string, certificate: string): void {
  writeWholeFile(`${directory}/certificate.pem`, certificate);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
