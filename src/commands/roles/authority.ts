/**
 * The cluster's authority at rest, in the config service's folder: `authority-key.pem`, which can make
 * members of anybody and which only its owner reads, and `authority.pem`, which everybody may see. Beside
 * them `seal-epochs.json`, as secret as the key: with it who has sealed bytes can read them.
 */

import { existsSync, readFileSync } from "node:fs";
import { DarnerError } from "#base/mod.ts";
import { readSealEpochs } from "#core/model/mod.ts";
import { authorityCertificate, readCertificate } from "#platform/keys/certificates.ts";
import { nodeClock } from "#platform/machine/clock.node.ts";
import { nodeRandom } from "#platform/machine/random.node.ts";
import { newSigningKey, signingKeyFromPem, type SigningKey } from "#platform/keys/signing.ts";
import type { Log } from "#platform/telemetry/log.ts";
import type { EpochShelf, KeptEpoch } from "#services/config-service/mod.ts";
import { writeWholeFile } from "./whole-file.ts";

export interface OpenedAuthority {
  readonly certificate: string;
  readonly key: SigningKey;
  /** It was made just now. */
  readonly isNew: boolean;
}

/** Reads it, or makes it at the first start, before `database` is. Throws `store.corrupt`. */
export function openAuthority(directory: string, database: string): OpenedAuthority {
  const keyPath = `${directory}/authority-key.pem`;
  const certificatePath = `${directory}/authority.pem`;
  // A certificate alone and no database: a first start that ended between the two.
  if (!existsSync(keyPath) && (!existsSync(certificatePath) || !existsSync(database))) {
    const key = newSigningKey();
    const certificate = authorityCertificate(key, nodeClock.wallMs(), nodeRandom);
    writeWholeFile(certificatePath, certificate);
    writeWholeFile(keyPath, key.exportPem());
    return { certificate, key, isNew: true };
  }
  try {
    const key = signingKeyFromPem(readFileSync(keyPath, "utf8"));
    const certificate = readFileSync(certificatePath, "utf8");
    const named = readCertificate(certificate).publicKey.export({ type: "spki", format: "der" }).toString("base64");
    if (named !== key.publicKey) throw new Error("the key is not the certificate's");
    return { certificate, key, isNew: false };
  } catch (cause) {
    const why = (cause as Error).message;
    const next = `put back ${keyPath} and ${certificatePath} from the same copy`;
    throw new DarnerError("store.corrupt", `cannot use the cluster's authority: ${why}; ${next}`, { cause });
  }
}

/** Whoever may open it could read the authority's key beside it. */
export function adminSocketOf(dataDirectory: string): string {
  return `${dataDirectory}/config-service/admin.sock`;
}

/** What cannot be read is begun anew: then sensitive objects are fetched once more where a manager starts again. */
export function epochShelf(directory: string, log: Log): EpochShelf {
  const path = `${directory}/seal-epochs.json`;
  return {
    read() {
      if (!existsSync(path)) return [];
      try {
        const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
        const epochs = readSealEpochs(kept) as readonly KeptEpoch[] | undefined;
        if (epochs?.every(({ beganAtMs }) => Number.isFinite(beganAtMs)) === true) return epochs;
      } catch {
        // Not even JSON: the same to whoever reads the log.
      }
      log.warn("seal-epochs.unreadable", { path });
      return [];
    },
    write(epochs) {
      writeWholeFile(path, JSON.stringify(epochs));
    },
  };
}
