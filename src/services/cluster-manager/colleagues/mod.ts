/** Other managers: who has what, taking over, borrowing, and hosts sent to those who help. */

export * from "./colleagues.ts";
export * from "./crowds.ts";
export * from "./regain-chain.ts";
export * from "./regain.ts";
export * from "./takeover.ts";
