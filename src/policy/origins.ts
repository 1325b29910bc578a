/**
 * The origins that a policy's CORS rules allow: `*`, an origin as browsers send it, or one with a wildcard for its first label.
 *
 * Browsers send origins in one form (scheme and host in lower case, no default port, no path), so any other form would never match.
 */

/** A wildcard stands for one label of a host that has two more: `*.com` would allow everyone. */
const WILDCARD = /^(https?:\/\/)\*((?:\.[^\s/?#.:*]+){2,}(?::\d+)?)$/;
/** One label of a host. */
const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
/**
 * App schemes such as `capacitor://localhost` and `chrome-extension://<id>`, whose URLs have no origin of their own. Not the schemes of the
 * URL standard: no page has an origin of theirs but http and https.
 */
const APP =
  /^(?!(?:https?|wss?|ftp|file|blob|data|about|javascript):)[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+(:\d{1,5})?$/;

/** Whether the rules allow a request's Origin. `*` is not compared: it allows all. */
export function allowsOrigin(origins: readonly string[], origin: string): boolean {
  return origins.some((allowed) => allowed === origin || matchesWildcard(allowed, origin));
}

/** `https://*.example.com` matches `https://a.example.com`, not `https://a.b.example.com` and not `https://example.com`. */
function matchesWildcard(allowed: string, origin: string): boolean {
  const [, scheme = "", rest = ""] = WILDCARD.exec(allowed) ?? [];
  if (scheme === "" || !origin.startsWith(scheme) || !origin.endsWith(rest)) return false;
  return LABEL.test(origin.slice(scheme.length, origin.length - rest.length));
}

/** Why no browser would ever send this origin, and what to write instead; null if one may. */
export function originFault(allowed: string): string | null {
  if (allowed === "*" || APP.test(allowed)) return null;
  const [, scheme, rest] = WILDCARD.exec(allowed) ?? [];
  if (scheme === undefined && /^https?:\/\/\*\.[^*]*$/.test(allowed)) {
    return "must have two labels or more after the wildcard, such as https://*.example.com";
  }
  const sent = URL.parse(scheme === undefined ? allowed : `${scheme}a${rest}`)?.origin;
  if (!sent?.startsWith("http")) return "must be an origin such as https://app.example";
  const written = scheme === undefined ? sent : sent.replace("://a.", "://*.");
  if (written.includes("*") && scheme === undefined)
    return "may have a wildcard only as the first label of a host";
  return written === allowed ? null : `never matches: browsers send "${written}"`;
}
