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

/** The account that a link claims to be for: what follows the first dot of its token. Only the server can check the claim. */
export function linkAccount(token: string): string {
  return token.slice(token.indexOf(".") + 1);
}
