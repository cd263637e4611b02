/**
 * One task's swarm, the thinking part: who may feed whom (the manager's choice) and which piece a
 * parent sends next (the parent's choice). Pure. Imports base and core/protocol.
 */

export { explain } from "./explain.ts";
export * from "./members.ts";
export * from "./pace.ts";
export * from "./report.ts";
export * from "./slots.ts";
export * from "./suspicion.ts";
export * from "./swarm.ts";
export * from "./upload-queue.ts";
export { wantsMax } from "./want-rows.ts";
