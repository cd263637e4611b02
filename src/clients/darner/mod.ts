/** What operators hold in their hands. */

export * from "./change-setting.ts";
export * from "./doctor.ts";
export * from "./engine-files.ts";
export * from "./preheat-text.ts";
export * from "./machines.ts";
export * from "./store-texts.ts";
export * from "./task-list.ts";
export * from "./up-text.ts";
export {
  askConfigService,
  invitationTable,
  memberTable,
  tokenTable,
  type ConfigServicePlace,
  type ListedInvitation,
  type ListedMember,
  type ListedToken,
} from "./members.ts";
export { judgeMembership, type FoundMembership } from "./doctor-identity.ts";
