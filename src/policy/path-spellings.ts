/**
 * The spellings under which an upstream may read a path. Some servers ignore case (Express), a trailing slash (Express, Spring), path
 * parameters such as `;a=1` (Java servers), or spaces and dots at the end of a segment (Windows). To fold a path is to ignore all four.
 *
 * Pure. Takes time in proportion to the path: each expression reads it once.
 */

/** Matches every path that folding changes; most paths do not match. */
const FOLDABLE = /[A-Z;]|%(?:25)*(?:3[Bb]|20)|\.(?:\/|$)|[^/]\/$/;
const PARAMETERS = /(?:;|%(?:25)*3b)[^/]*/gi;
/** The look-behind keeps it from starting within a run, which would take quadratic time. */
const ENDS_OF_SEGMENTS = /(?<!\.|%(?:25)*20)(?:\.|%(?:25)*20)+(?=\/|$)/g;
const SLASHES = /\/{2,}/g;

/** In this order: removing parameters may reveal a space, dot or slash at the end. Segments left empty disappear. */
const FOLDS: ((path: string) => string)[] = [
  (path) => path.replaceAll(PARAMETERS, "").replaceAll(SLASHES, "/"),
  (path) => path.replaceAll(ENDS_OF_SEGMENTS, "").replaceAll(SLASHES, "/"),
  (path) => (path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path),
  (path) => path.toLowerCase(),
];

/** The path as an upstream reads it if that ignores all four. */
export function foldPath(path: string): string {
  return FOLDS.reduce((folded, fold) => fold(folded), path);
}

/** The path itself, and as it is read by upstreams that ignore some or all of the four: at most 16 spellings. */
export function spellingsOf(path: string): ReadonlySet<string> {
  const spellings = new Set([path]);
  if (!FOLDABLE.test(path)) return spellings;
  for (const fold of FOLDS) {
    for (const spelling of spellings) spellings.add(fold(spelling));
  }
  return spellings;
}
