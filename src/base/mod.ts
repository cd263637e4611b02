/** Words without a domain: assertions, errors, bits, bytes, lists, units. Imports nothing of ours. */

export * from "./assert.ts";
export * from "./bitfield.ts";
export * from "./bytes.ts";
export * from "./errors.ts";
export * from "./following.ts";
export * from "./lists.ts";
export * from "./rows.ts";
export * from "./units.ts";
