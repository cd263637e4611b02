/**
 * Certificates for tests, made on the spot: an authority, and leaves that are right or wrong in one
 * way each. All are for loopback and live for a day, so that none is worth stealing.
 */

import type { webcrypto } from "node:crypto";
import "./reflect-metadata.ts";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from "@peculiar/x509";

export type CertificateKind =
  /** For localhost, 127.0.0.1 and ::1, from the test authority. */
  | "good"
  /** From the test authority, for another host's name. */
  | "wrong-name"
  | "expired"
  | "not-yet-valid"
  | "self-signed";

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface TestAuthority {
  /** PEM of the authority's own certificate: what a client must trust. */
  readonly certificate: string;
  issue(kind: CertificateKind): Promise<Certificate>;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 24 * 60 * 60 * 1000;

export async function makeTestAuthority(): Promise<TestAuthority> {
  const keys = await makeKeys();
  const name = "CN=Darner test authority";
  const own = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    ...validity("good"),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    certificate: own.toString("pem"),
    async issue(kind) {
      const leafKeys = await makeKeys();
      const subject = "CN=Darner test origin";
      const common = { ...validity(kind), signingAlgorithm: algorithm, extensions: [namesOf(kind)] };
      const leaf =
        kind === "self-signed"
          ? await X509CertificateGenerator.createSelfSigned({ name: subject, keys: leafKeys, ...common })
          : await X509CertificateGenerator.create({
              subject,
              issuer: name,
              publicKey: leafKeys.publicKey,
              signingKey: keys.privateKey,
              ...common,
            });
      return exported(leaf, leafKeys.privateKey);
    },
  };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function validity(kind: CertificateKind): { notBefore: Date; notAfter: Date } {
  const days = kind === "expired" ? -3 : kind === "not-yet-valid" ? 3 : 0;
  const middle = Date.now() + days * dayMs;
  return { notBefore: new Date(middle - dayMs), notAfter: new Date(middle + dayMs) };
}

function namesOf(kind: CertificateKind): SubjectAlternativeNameExtension {
  if (kind === "wrong-name") return new SubjectAlternativeNameExtension([{ type: "dns", value: "elsewhere.example" }]);
  return new SubjectAlternativeNameExtension([
    { type: "dns", value: "localhost" },
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "::1" },
  ]);
}

async function exported(certificate: X509Certificate, privateKey: CryptoKey): Promise<Certificate> {
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
  const lines = key.match(/.{1,64}/g) ?? [];
  return {
    certificate: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`,
  };
}
