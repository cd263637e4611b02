/**
 * How an operator's commands ask the processes of a cluster: with a token, over TLS to the cluster that
 * the token names; on the config service's own machine through its `admin.sock`, without one.
 */

import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { findAuthority } from "#cluster/mod.ts";
import { asDarnerError, DarnerError } from "#base/mod.ts";
import { diskError } from "#platform/files/disk.node.ts";
import { createNodeHttpJson } from "#platform/http-asks/json.node.ts";
import type { HttpJson } from "#platform/http-asks/json.ts";
import { createNodeVisitor } from "#platform/keys/identity.node.ts";
import { adminSocketOf } from "../roles/authority.ts";

export function addTokenOption(command: Command): void {
  command.option("--token <TOKEN|@FILE>", "an operator's token, or the file that holds it (also DARNER_TOKEN)");
}

/** The text that an argument means: itself, a file's (`@FILE`), or standard input's (`-`). */
export function secretText(text: string): string {
  if (text !== "-" && !text.startsWith("@")) return text;
  const path = text === "-" ? 0 : text.slice(1);
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw diskError(cause, `read ${text === "-" ? "the standard input" : path}`, "disk.failed");
  }
}

export function tokenOf(command: Command): string | undefined {
  const given = command.opts<{ token?: string }>().token ?? (process.env["DARNER_TOKEN"] || undefined);
  return given === undefined ? undefined : secretText(given);
}

/** Asks with the token; what is asked over https first finds the authority that the token names. */
export function createOperatorHttp(token: string | undefined): HttpJson {
  const plain = createNodeHttpJson();
  let secure: Promise<HttpJson> | undefined;
  const open = async (url: URL): Promise<HttpJson> => {
    if (token === undefined) {
      const next = "give one with --token @FILE or DARNER_TOKEN; darner token create makes them";
      throw new DarnerError("trust.credential", `cannot ask ${url.origin}: it needs an operator's token; ${next}`);
    }
    return createNodeHttpJson(createNodeVisitor(await findAuthority(plain, url, token)));
  };
  return {
    async request(request) {
      if (request.url.protocol !== "https:") return await plain.request(request).catch(sayHttps(request.url));
      secure ??= open(request.url);
      return await (await secure).request({ ...request, bearer: token });
    },
    close() {
      plain.close();
      void secure?.then((http) => http.close()).catch(() => undefined);
    },
  };
}

/** Over plain http no token is sent; on a socket none is needed. */
function sayHttps({ host }: URL): (error: unknown) => never {
  return (error) => {
    if (asDarnerError(error).code !== "trust.credential") throw error;
    const says = `machines join its cluster, so it is asked over TLS and with a token; say https://${host}`;
    throw new DarnerError("trust.credential", `cannot ask http://${host}: ${says}`, { cause: error });
  };
}

/** The socket of a config service of this data directory, where this user may use it. */
export function ownAdminSocket(dataDirectory: string): string | undefined {
  const path = adminSocketOf(dataDirectory);
  return existsSync(path) ? path : undefined;
}
