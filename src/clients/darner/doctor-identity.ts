/** `darner doctor` on a membership: whether it counts now, for how long, and whether its cluster agrees. */

import type { Member } from "#core/model/mod.ts";
import type { Finding } from "./doctor.ts";

export interface FoundMembership {
  /** Where it lies, for the message. */
  readonly directory: string;
  /** Undefined with `trouble` when it cannot be read. */
  readonly member: Member | undefined;
  readonly trouble?: string;
  /** What the config service said to it: undefined when it took it, or could not be asked. */
  readonly refusal?: string | undefined;
}

const subject = "identity";

export function judgeMembership(found: FoundMembership, wallMs: number): Finding {
  const { member, directory } = found;
  if (member === undefined) return { level: "fail", subject, text: found.trouble ?? "it cannot be read" };
  const name = `${member.role} ${member.id}`;
  const anew = "join the cluster again with darner join";
  if (member.endsAtMs <= wallMs) return { level: "fail", subject, text: `${name}: its certificate has ended; ${anew}` };
  if (member.startsAtMs - wallMs > 0) {
    const seconds = Math.ceil((member.startsAtMs - wallMs) / 1000);
    return {
      level: "warn",
      subject,
      text: `${name}: its certificate is from ${seconds} s ahead; let NTP set the clock`,
    };
  }
  if (found.refusal !== undefined) return { level: "fail", subject, text: `${name} (${directory}): ${found.refusal}` };
  const days = ((member.endsAtMs - wallMs) / 86_400_000).toFixed(1);
  // It is renewed from the middle on: less than a third left means that this fails.
  const late = (member.endsAtMs - wallMs) * 3 < member.endsAtMs - member.startsAtMs;
  if (!late) return { level: "ok", subject, text: `${name}, certified for ${days} days more` };
  return {
    level: "warn",
    subject,
    text: `${name}: its certificate ends in ${days} days and was not renewed; start it`,
  };
}
