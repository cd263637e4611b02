/**
 * What Darner processes say to each other, and in which bytes: frames, messages, limits. Pure; the
 * connections themselves live in transfer/. Imports base only.
 */

export * from "./frame.ts";
export * from "./frame-reader.ts";
export * from "./local.ts";
export * from "./messages.ts";
export * from "./read-messages.ts";
