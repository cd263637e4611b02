/** Budgets and limits: how many bytes may pass, and when the next may. Pure; imports base only. */

export * from "./token-bucket.ts";
