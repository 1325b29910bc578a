/** Reads the parameters of a route from a path, and writes them into the path that the upstream gets. Pure. */
import { foldPath } from "../../policy/path-spellings.ts";
import { canonicalPath, pathToMatch } from "../canonical-path.ts";

export interface RouteParams {
  /** As they stand in the canonical path, percent-encoded. */
  readonly byName: ReadonlyMap<string, string>;
  /** What the star matched, with its slash, or "". */
  readonly rest: string;
}

/**
 * Null: the path is another spelling of one that the pattern matches, in which the parameters stand at other places.
 * @param match of a route that applies to the path.
 * @param path canonical.
 */
export function routeParams(match: string, path: string): RouteParams | null {
  const byName = new Map<string, string>();
  const segments = match.slice(1).split("/");
  const hasStar = segments.at(-1) === "*";
  if (hasStar) segments.pop();
  let rest = path;
  for (const segment of segments) {
    const end = rest.indexOf("/", 1);
    const part = end === -1 ? rest : rest.slice(0, end);
    rest = end === -1 ? "" : rest.slice(end);
    if (segment.startsWith(":")) {
      if (part.length < 2) return null;
      byName.set(segment.slice(1), part.slice(1));
    } else if (foldPath(pathToMatch(part)) !== foldPath(`/${segment}`) && part + segment !== "") {
      return null;
    }
  }
  return hasStar || rest === "" || rest === "/" ? { byName, rest } : null;
}

/** The path of a template such as `/internal/:id/*`; null if it is not canonical, so that it might lead elsewhere. */
export function pathWith(template: string, { byName, rest }: RouteParams): string | null {
  const segments = template.slice(1).split("/");
  const hasStar = segments.at(-1) === "*";
  if (hasStar) segments.pop();
  let path = "";
  for (const segment of segments) {
    const value = segment.startsWith(":") ? byName.get(segment.slice(1)) : segment;
    if (value === undefined) return null;
    path += `/${value}`;
  }
  if (hasStar) path += rest;
  return canonicalPath(path || "/") === (path || "/") ? path || "/" : null;
}
