/** What messages and logs call a URL: where it points, without what may be secret in it. */

const nameCharactersMax = 200;

/** Scheme, host and path: no user, no password, no query. */
export function nameOf(url: URL): string {
  return shortened(`${url.protocol}//${url.host}${url.pathname}`);
}

/** The same for a text that is no URL, as far as one can tell. One line. */
export function withoutSecrets(text: string): string {
  const cut = text.replace(/[?#].*$/s, "").replace(/^([^/]*\/\/)?[^/]*@/, "$1");
  return shortened(cut.replace(/\p{Cc}+/gu, " "));
}

function shortened(text: string): string {
  return text.length > nameCharactersMax ? `${text.slice(0, nameCharactersMax - 3)}...` : text;
}
