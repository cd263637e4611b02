/** What a process gets from an origin: objects into piece files, questions that cost no bytes, registries' tokens. */

export * from "./looks.ts";
export * from "./origin-answer.ts";
export * from "./origin-fetch-options.ts";
export * from "./origin-fetch.ts";
export * from "./read-gate.ts";
export * from "./registry-token.ts";
