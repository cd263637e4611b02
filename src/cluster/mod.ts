/** What a process knows of its cluster: its managers, its settings, and whom it may trust in the clear. */

export {
  createConfigClient,
  type ClusterSettings,
  type ConfigClient,
  type ConfigClientOptions,
  type HostFacts,
  type ManagerDescription,
} from "./config-client.ts";
export { createGate, type Acquaintance, type GateOptions } from "./gate.ts";
export { findAuthority, joinCluster, type Joined } from "./joining.ts";
export { startRenewal } from "./renewal.ts";
export { Revocations } from "./revocations.ts";
export { createTokenCheck } from "./token-check.ts";
export { KnownManagers, staticManagers, type ManagerDirectory, type ManagersListener } from "./manager-directory.ts";
export type { Registration, RegistrationAnswer } from "./registration.ts";
export { assertManagerUrlAllowed, type ClusterRole } from "./trust.ts";
export type { Watch } from "./watch.ts";
