/**
 * Reduces each path to one spelling, so that no other spelling reaches a cheaper route than the upstream would see.
 *
 * The runtime does not normalize the URLs of incoming requests, so `.` and `..` are resolved here, as `fetch` would on the way out. Then
 * percent-encoded unreserved characters are decoded (RFC 3986, section 6.2.2.2). Paths that upstreams read in different ways are
 * rejected: those with empty segments, encoded slashes, backslashes or control characters, or dot segments with parameters, which
 * Java servers resolve, or with spaces, which Windows ignores. Spellings that only some upstreams ignore, such as case, are left to
 * src/policy/path-spellings.ts.
 */

/** A path without any of these is canonical: most paths are. */
const SUSPECT = /[%\\]|\/[/.]|[^!-~]/;
const AMBIGUOUS = /\/\/|\\|%(?:2f|5c|[01][0-9a-f]|7f)|%25(?:2f|5c|2e|00)|%(?![0-9a-f]{2})/i;
const ENCODED = /%([0-9a-f]{2})/gi;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
/** Dot segments that appear only after decoding, as in `/%2e%2e%2f` or `/.%2e/`, or that have parameters or spaces, as in `/..;x/`. */
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|;|%(?:25)*(?:3b|20)|$)/i;

/** The canonical path, or null if the path is ambiguous or missing: `OPTIONS *` has none. */
export function canonicalPath(path: string): string | null {
  if (!path.startsWith("/")) return null;
  if (!SUSPECT.test(path)) return path;
  const resolved = URL.parse(`http://path${path}`)?.pathname;
  if (resolved === undefined || AMBIGUOUS.test(resolved)) return null;
  const decoded = resolved.replaceAll(ENCODED, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : encoded.toUpperCase();
  });
  // Checked again, since decoding may reveal more: `%25%32%66` is `%252f`.
  return AMBIGUOUS.test(decoded) || DOT_SEGMENT.test(decoded) ? null : decoded;
}

/** The reserved characters that may stand in a segment (RFC 3986, sub-delims, `:` and `@`), encoded. */
const ENCODED_IN_SEGMENT = /%(?:2[146-9A-C]|3[ABD]|40)/g;

/**
 * The form of a canonical path that routes are matched against. Most upstreams read `/users/%40me` as `/users/@me`, so it takes that
 * route; some distinguish `%3B` from `;`, so the path is forwarded as the client wrote it.
 */
export function pathToMatch(canonical: string): string {
  if (!canonical.includes("%")) return canonical;
  return canonical.replaceAll(ENCODED_IN_SEGMENT, (encoded) => decodeURIComponent(encoded));
}
