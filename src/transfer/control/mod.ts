/** The control plane's links, and the tickets that it hands out. */

export * from "./manager-link.ts";
export * from "./message-link.ts";
export * from "./tickets.ts";
