/**
 * A token service as registries use it (Distribution's token authentication): anna, whose password is
 * "secret", may pull and push everything; nobody in particular may pull below `public/`.
 */

import "../origin/reflect-metadata.ts";
import { createPrivateKey, createSign, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { X509CertificateGenerator } from "@peculiar/x509";

export const tokenService = { service: "registry.test", issuer: "tokens.test" } as const;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const good = `Basic ${Buffer.from("anna:secret").toString("base64")}`;

export class TokenServer {
  readonly rootCertificate: string;
  readonly #server: Server;
  readonly #sign: (claims: unknown) => string;
  /** Credentials it was given, in order; undefined for none. */
  readonly given: (string | undefined)[] = [];
  /** Seconds that a token lives. */
  lifeSeconds = 300;

  private constructor(rootCertificate: string, sign: (claims: unknown) => string) {
    this.rootCertificate = rootCertificate;
    this.#sign = sign;
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, json }) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json)),
      );
    });
  }

  static async start(): Promise<TokenServer> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const dayMs = 86_400_000;
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: "CN=tokens.test",
      keys,
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + dayMs),
      signingAlgorithm: algorithm,
    });
    const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
    const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    const chain = Buffer.from(certificate.rawData).toString("base64");
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const sign = (claims: unknown): string => {
      const text = `${part({ typ: "JWT", alg: "ES256", x5c: [chain] })}.${part(claims)}`;
      const signature = createSign("SHA256").update(text).sign({ key, dsaEncoding: "ieee-p1363" });
      return `${text}.${signature.toString("base64url")}`;
    };
    const server = new TokenServer(certificate.toString("pem"), sign);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get realm(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`;
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; json: unknown }> {
    const url = new URL(request.url ?? "/", "http://tokens.test");
    const form = request.method === "POST" ? await formOf(request) : undefined;
    const scopes = (form ?? url.searchParams).getAll("scope").flatMap((text) => text.split(" "));
    const posted = form === undefined ? undefined : `${form.get("username")}:${form.get("password")}`;
    const credential =
      posted === undefined ? request.headers.authorization : `Basic ${Buffer.from(posted).toString("base64")}`;
    this.given.push(credential);
    if (credential !== undefined && credential !== good)
      return { status: 401, json: { errors: [{ code: "UNAUTHORIZED" }] } };
    const access = scopes.flatMap((scope) => {
      const [, name, actions] = /^repository:(.+):([a-z,*]+)$/.exec(scope) ?? [];
      if (name === undefined || actions === undefined) return [];
      const may = credential === good ? actions.split(",") : name.startsWith("public/") ? ["pull"] : [];
      return [{ type: "repository", name, actions: may }];
    });
    const now = Math.floor(Date.now() / 1000);
    const exp = now + this.lifeSeconds;
    const claims = {
      iss: tokenService.issuer,
      sub: "",
      aud: tokenService.service,
      exp,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const token = this.#sign(claims);
    return { status: 200, json: { token, access_token: token, expires_in: this.lifeSeconds } };
  }
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
}
