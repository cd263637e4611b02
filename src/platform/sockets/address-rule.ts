/** Whom a process may connect to, and who asks for it: rules that are asked before every dial. */

/**
 * Which addresses may be connected to. Asked of what the host's name resolves to; exactly the addresses
 * that pass are dialled. Kept connections are shared by requests with the same rule object only.
 */
export interface AddressRule {
  /** Why not, as the end of a sentence about the object; null: it may. */
  refusal(address: string): string | null;
}

/** Also judges a URL before anything is asked. */
export interface ReachRule extends AddressRule {
  urlRefusal(url: URL): string | null;
}

/** The rule for whoever asks from this address; undefined: nobody knows. Few objects, long-lived. */
export type ReachRuleFor = (remoteAddress: string | undefined) => ReachRule;

/** Rejects with `reach.refused` when the caller may not reach the URL's server. */
export type CheckServer = (remoteAddress: string | undefined, url: URL) => Promise<void>;
