/** One declaration per setting: flag, environment name, file key, default, bounds, help, reference. */

export * from "./cluster-manager.ts";
export { isLoopbackHost } from "./common.ts";
export * from "./config-service.ts";
export * from "./dfget.ts";
export * from "./groups.ts";
export * from "./host-daemon.ts";
export * from "./kind.ts";
export { roleUrl, type TcpAddress } from "./kinds.ts";
export * from "./live.ts";
export * from "./nearest.ts";
export * from "./places.ts";
export { reachPolicyOf } from "./reach.ts";
export * from "./reference.ts";
export * from "./resolve.ts";
export * from "./setting.ts";
export * from "./settings-file.ts";
export * from "./up.ts";
