/** The one origin for tests: an HTTP(S) server on loopback that serves by script and misbehaves on demand. */

export type { CertificateKind } from "./certificates.ts";
export { contentDigest, seededContent, type Content } from "./content.ts";
export { contentOf } from "./served-object.ts";
export type { DigestHeader, ObjectScript, SeededBody } from "./script.ts";
export { startTestOrigin, type RecordedRequest, type TestOrigin, type TestOriginOptions } from "./server.ts";
