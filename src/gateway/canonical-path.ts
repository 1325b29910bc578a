/**
 * One spelling for each path, so that no spelling reaches a cheaper route than the upstream would see.
 *
 * A path may come as the network wrote it: the runtime parses the URLs of requests no further than it must, so `.` and `..` are
 * resolved here, as `fetch` would do on the way out. Then percent-encoded unreserved characters are decoded (RFC 3986, section
 * 6.2.2.2), and what upstreams read in different ways is refused: empty segments, encoded slashes, backslashes and control
 * characters, and dot segments with parameters, which Java servers resolve.
 */
/** No path without one of these is ambiguous, or has another spelling: most paths have none. */
const SUSPECT = /[%\\]|\/[/.]|[^!-~]/;
const AMBIGUOUS = /\/\/|\\|%(?:2f|5c|[01][0-9a-f]|7f)|%25(?:2f|5c|2e|00)|%(?![0-9a-f]{2})/i;
const ENCODED = /%([0-9a-f]{2})/gi;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
/** Dot segments that only appear once decoded, as in `/%2e%2e%2f` or `/.%2e/`, or that have parameters, as in `/..;x/`. */
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|;|%(?:25)?3b|$)/i;

/** The canonical path, or null where the path is ambiguous, or none: `OPTIONS *` has none. */
export function canonicalPath(path: string): string | null {
  if (!path.startsWith("/")) return null;
  if (!SUSPECT.test(path)) return path;
  const resolved = URL.parse(`http://path${path}`)?.pathname;
  if (resolved === undefined || AMBIGUOUS.test(resolved)) return null;
  const decoded = resolved.replaceAll(ENCODED, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : encoded.toUpperCase();
  });
  // Again, for what only decoding has brought out: `%25%32%66` is `%252f`.
  return AMBIGUOUS.test(decoded) || DOT_SEGMENT.test(decoded) ? null : decoded;
}

/** The reserved characters that may stand in a segment (RFC 3986, sub-delims, `:` and `@`), encoded. */
const ENCODED_IN_SEGMENT = /%(?:2[146-9A-C]|3[ABD]|40)/g;

/**
 * A canonical path as routes are matched by it, never as it is forwarded: most upstreams read `/users/%40me` as `/users/@me`,
 * so it takes that route, but some tell `%3B` from `;`, so they get what the client wrote.
 */
export function pathToMatch(canonical: string): string {
  if (!canonical.includes("%")) return canonical;
  return canonical.replaceAll(ENCODED_IN_SEGMENT, (encoded) => decodeURIComponent(encoded));
}
