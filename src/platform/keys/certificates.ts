/**
 * X.509 certificates (RFC 5280) over Ed25519 keys (RFC 8410): of a cluster's own authority, one for the
 * authority, signed by itself, and one for each member, which names its role and nothing else
 * (core/model/member.ts). The member's key in it is also the one that signs its nonces and tickets.
 *
 * Made here, checked by OpenSSL alone.
 */

import { X509Certificate } from "node:crypto";
import { clockSkewMs, memberName, roleOfName, type Member, type MemberRole } from "#core/model/mod.ts";
import { bits, explicit, implicit, integer, octets, oid, sequence, set, time, utf8, yes } from "./der.ts";
import { sha256 } from "./digest.ts";
import type { Random } from "../machine/random.ts";
import { keyId, type SigningKey } from "./signing.ts";

const ed25519 = (): Uint8Array => sequence(oid("1.3.101.112"));
const serverUse = "1.3.6.1.5.5.7.3.1";
const clientUse = "1.3.6.1.5.5.7.3.2";
const authorityName = "Darner cluster authority";
const interceptionName = "Darner image proxy authority";
const authorityLifeMs = 10 * 365 * 86_400_000;

export interface CertificateWanted {
  readonly role: MemberRole;
  /** SPKI DER, base64. */
  readonly publicKey: string;
  readonly lifeMs: number;
  readonly wallMs: number;
  readonly random: Random;
}

/** The authority's own certificate, PEM. */
export function authorityCertificate(key: SigningKey, wallMs: number, random: Random): string {
  return certificate(key, {
    random,
    issuer: authorityName,
    subject: authorityName,
    publicKey: key.publicKey,
    startMs: wallMs - clockSkewMs,
    endMs: wallMs + authorityLifeMs,
    extensions: [
      extension("2.5.29.19", true, sequence(yes(), integer(Uint8Array.of(0)))),
      // keyCertSign, cRLSign
      extension("2.5.29.15", true, bits(Uint8Array.of(0x06), 1)),
    ],
  });
}

/** A member's certificate, PEM. It counts from a little earlier on, for clocks that are behind. */
export function memberCertificate(authority: SigningKey, wanted: CertificateWanted): string {
  const { role, publicKey, lifeMs, wallMs, random } = wanted;
  const uses = role === "host" ? [clientUse] : [serverUse, clientUse];
  return certificate(authority, {
    random,
    issuer: authorityName,
    subject: `${role} ${keyId(publicKey)}`,
    publicKey,
    startMs: wallMs - clockSkewMs,
    endMs: wallMs + lifeMs,
    extensions: [
      extension("2.5.29.19", true, sequence()),
      // digitalSignature
      extension("2.5.29.15", true, bits(Uint8Array.of(0x80), 7)),
      extension("2.5.29.37", true, sequence(...uses.map(oid))),
      extension("2.5.29.17", false, sequence(implicit(2, Buffer.from(memberName(role), "latin1")))),
      extension("2.5.29.35", false, sequence(implicit(0, keyIdentifier(authority.publicKey)))),
    ],
  });
}

/** An authority for nothing but names that one host's proxy speaks for, PEM; it is not the cluster's. */
export function interceptionAuthority(key: SigningKey, wallMs: number, random: Random): string {
  return certificate(key, {
    random,
    issuer: interceptionName,
    subject: interceptionName,
    publicKey: key.publicKey,
    startMs: wallMs - clockSkewMs,
    endMs: wallMs + authorityLifeMs,
    extensions: [
      extension("2.5.29.19", true, sequence(yes(), integer(Uint8Array.of(0)))),
      // keyCertSign
      extension("2.5.29.15", true, bits(Uint8Array.of(0x04), 2)),
    ],
  });
}

export interface InterceptionWanted {
  /** A host name, or an IPv4 address. */
  readonly host: string;
  /** SPKI DER, base64. */
  readonly publicKey: string;
  readonly lifeMs: number;
  readonly wallMs: number;
  readonly random: Random;
}

/** A server's certificate for that name, PEM. */
export function interceptionCertificate(authority: SigningKey, wanted: InterceptionWanted): string {
  const { host, publicKey, lifeMs, wallMs, random } = wanted;
  const address = /^\d+\.\d+\.\d+\.\d+$/.test(host) ? Uint8Array.from(host.split("."), Number) : undefined;
  const alternative = address === undefined ? implicit(2, Buffer.from(host, "latin1")) : implicit(7, address);
  return certificate(authority, {
    random,
    issuer: interceptionName,
    subject: "Darner image proxy",
    publicKey,
    startMs: wallMs - clockSkewMs,
    endMs: wallMs + lifeMs,
    extensions: [
      extension("2.5.29.19", true, sequence()),
      extension("2.5.29.15", true, bits(Uint8Array.of(0x80), 7)),
      extension("2.5.29.37", true, sequence(oid(serverUse))),
      extension("2.5.29.17", false, sequence(alternative)),
      extension("2.5.29.35", false, sequence(implicit(0, keyIdentifier(authority.publicKey)))),
    ],
  });
}

/** Who a certificate says its holder is; undefined when it is none of ours. Whether it counts is TLS' to say. */
export function memberOf(found: X509Certificate): Member | undefined {
  const role = roleOfName(/^DNS:([a-z.-]+)$/.exec(found.subjectAltName ?? "")?.[1] ?? "");
  if (role === undefined || found.publicKey.asymmetricKeyType !== "ed25519") return undefined;
  const publicKey = found.publicKey.export({ type: "spki", format: "der" }).toString("base64");
  const startsAtMs = found.validFromDate.getTime() + clockSkewMs;
  return { role, id: keyId(publicKey), publicKey, startsAtMs, endsAtMs: found.validToDate.getTime() };
}

/** Throws when the text is no certificate. */
export function readCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

/** The SHA-256 of a certificate, base64url: what a join token says of the authority that made it. */
export function certificateFingerprint(pem: string): string {
  return Buffer.from(sha256(readCertificate(pem).raw)).toString("base64url");
}

interface Content {
  readonly random: Random;
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly extensions: readonly Uint8Array[];
}

function certificate(signer: SigningKey, content: Content): string {
  const { random, issuer, subject, publicKey, startMs, endMs } = content;
  const subjectKey = extension("2.5.29.14", false, octets(keyIdentifier(publicKey)));
  const signed = sequence(
    explicit(0, integer(Uint8Array.of(2))),
    // Positive and never 0: the first byte is set to begin with 01.
    integer(Uint8Array.of(0x40 | (random.bytes(1)[0]! & 0x3f), ...random.bytes(15))),
    ed25519(),
    name(issuer),
    sequence(time(startMs), time(endMs)),
    name(subject),
    Buffer.from(publicKey, "base64"),
    explicit(3, sequence(subjectKey, ...content.extensions)),
  );
  const signature = signer.signCertificate(signed);
  const text = Buffer.from(sequence(signed, ed25519(), bits(signature))).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

const name = (commonName: string): Uint8Array => sequence(set(sequence(oid("2.5.4.3"), utf8(commonName))));

/** RFC 7093, 2: the head of the key's SHA-256. */
const keyIdentifier = (publicKey: string): Uint8Array => sha256(Buffer.from(publicKey, "base64")).subarray(0, 20);

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [yes()] : []), octets(value));
}
