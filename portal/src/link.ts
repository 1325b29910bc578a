/** The link that the provider sends: `/portal#link=<token>`. Pure. A fragment is never sent to a server, so no log has the token. */

/** The token in a URL's fragment; null if there is none. */
export function linkToken(hash: string): string | null {
  const [, encoded = ""] = /^#link=(.{1,4096})$/.exec(hash) ?? [];
  try {
    return decodeURIComponent(encoded) || null;
  } catch {
    return null;
  }
}

/** The account that a link is for: all of its token after the id, the secret and a dot. Only the server can tell whether that is true. */
export function linkAccount(token: string): string {
  return token.slice(55);
}
