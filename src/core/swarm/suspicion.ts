/**
 * Who sends wrong bytes, as a manager may believe it of what hosts say of each other. Pure: it is told
 * accusations and what came of checking them, and answers who is to be checked and who is shut out.
 *
 * An accusation alone shuts nobody out: the manager has the accused look at its own piece again, then
 * fetches it from the accused as any host would, and judges the bytes.
 *
 * Invariants:
 *  1. A host is shut out only when the manager itself got wrong bytes from it, or when a quarter of the
 *     swarm, and at least `accusersMin`, accuse it from different addresses.
 *  2. Whoever accused in vain more often than rightly, by `refutedMax`, is not listened to.
 *  3. One host is checked once at a time; whoever accuses it meanwhile shares the outcome.
 */

/** What the manager's own look at the accused brought; "unknown": it got no such piece from it. */
export type Verdict = "wrong" | "right" | "unknown";

export interface Accusation {
  readonly accuser: string;
  /** Where the accuser is: two hosts at one address are one voice. */
  readonly address: string;
  readonly accused: string;
  /** Hosts in the swarm. */
  readonly hosts: number;
}

const accusersMin = 3;
const accusersShare = 1 / 4;
const refutedMax = 3;
/** Hosts that something is remembered of; those heard of longest ago are forgotten first. */
const rememberedMax = 4096;

interface Record {
  /** Accusations against it, by the accuser. */
  readonly accusers: Map<string, string>;
  /** Who waits for the check under way. */
  checking: Set<string> | undefined;
  /** Who was refuted about it: restored if it turns out that they were right. */
  readonly refuted: Set<string>;
  /** Its own accusations: refuted less confirmed. */
  vain: number;
  shutOut: boolean;
}

export class Suspicion {
  readonly #records = new Map<string, Record>();

  isShutOut(host: string): boolean {
    return this.#records.get(host)?.shutOut === true;
  }

  get shutOut(): number {
    let count = 0;
    for (const record of this.#records.values()) if (record.shutOut) count++;
    return count;
  }

  /** "check": look at the accused now and tell `judged`. "shut-out": it is from now on. */
  accuse({ accuser, address, accused, hosts }: Accusation): "check" | "shut-out" | "nothing" {
    const source = this.#recordOf(accuser);
    const target = this.#recordOf(accused);
    if (target.shutOut || source.shutOut || source.vain >= refutedMax) return "nothing";
    target.accusers.set(accuser, address);
    if (this.#voices(target) >= Math.max(accusersMin, Math.ceil(hosts * accusersShare))) {
      this.#convict(target);
      return "shut-out";
    }
    if (target.checking !== undefined) {
      target.checking.add(accuser);
      return "nothing";
    }
    target.checking = new Set([accuser]);
    return "check";
  }

  /** True when the accused is shut out by this. */
  judged(accused: string, verdict: Verdict): boolean {
    const target = this.#recordOf(accused);
    const accusers = target.checking ?? new Set();
    target.checking = undefined;
    if (target.shutOut || verdict === "unknown") return false;
    if (verdict === "wrong") {
      this.#convict(target);
      return true;
    }
    for (const accuser of accusers) {
      if (target.refuted.has(accuser)) continue;
      target.refuted.add(accuser);
      this.#recordOf(accuser).vain++;
    }
    return false;
  }

  #convict(target: Record): void {
    target.shutOut = true;
    for (const accuser of target.refuted) this.#recordOf(accuser).vain--;
    target.refuted.clear();
    target.accusers.clear();
    target.checking = undefined;
  }

  /** Different addresses of accusers that are listened to. */
  #voices(target: Record): number {
    const addresses = new Set<string>();
    for (const [accuser, address] of target.accusers) {
      const source = this.#records.get(accuser);
      if (source === undefined || (!source.shutOut && source.vain < refutedMax)) addresses.add(address);
    }
    return addresses.size;
  }

  #recordOf(host: string): Record {
    const known = this.#records.get(host);
    const record = known ?? {
      accusers: new Map<string, string>(),
      checking: undefined,
      refuted: new Set<string>(),
      vain: 0,
      shutOut: false,
    };
    this.#records.delete(host);
    this.#records.set(host, record);
    if (this.#records.size > rememberedMax) this.#records.delete(this.#records.keys().next().value!);
    return record;
  }
}
