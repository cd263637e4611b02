/** The nouns of the field: task, piece, digest, host. Pure; imports base only. */

export * from "./digest.ts";
export * from "./member.ts";
export * from "./piece.ts";
export * from "./request-fields.ts";
export * from "./seal.ts";
export * from "./task.ts";
export * from "./ticket.ts";
export * from "./token.ts";
