/** The link that the provider sends: `/portal#link=<token>`. Pure. A fragment is never sent to a server, so no log has the token. */

/** The token in a URL's fragment; null if there is none. */
export function linkToken(hash: string): string | null {
  return /^#link=(.{1,512})$/.exec(hash)?.[1] ?? null;
}
