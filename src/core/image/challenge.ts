/**
 * What a registry wants to know before it answers: the challenges of WWW-Authenticate (RFC 9110, 11.3),
 * of which registries use Basic and Bearer (Distribution's token authentication).
 */

export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const fieldLengthMax = 16_384;
const challengesMax = 16;

/** The challenges in their order; what cannot be read ends the list. */
export function readChallenges(field: string | undefined): readonly Challenge[] {
  if (field === undefined || field.length > fieldLengthMax) return [];
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  // name="quoted", name=token, or a scheme: a token that no equals sign follows.
  const part = /\s*,?\s*([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/y;
  for (let match = part.exec(field); match !== null && challenges.length <= challengesMax; match = part.exec(field)) {
    const [, name, quoted, token] = match as unknown as [string, string, string | undefined, string | undefined];
    const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? token;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else if (challenges.length === 0) return [];
    else challenges.at(-1)!.parameters[name.toLowerCase()] = value;
    if (part.lastIndex >= field.length) break;
  }
  return challenges;
}

/** Where the client is to fetch its token, when the registry wants one. */
export function bearerChallenge(
  field: string | undefined,
): { readonly realm: string; readonly service?: string; readonly scope?: string } | undefined {
  const found = readChallenges(field).find(({ scheme }) => scheme === "bearer");
  const { realm, service, scope } = found?.parameters ?? {};
  if (realm === undefined || !URL.canParse(realm)) return undefined;
  return { realm, ...(service === undefined ? {} : { service }), ...(scope === undefined ? {} : { scope }) };
}
