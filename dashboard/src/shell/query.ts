/** Queries of the API's paths. Pure. */

/** The path with the values that are not empty as its query. */
export function withQuery(path: string, values: Readonly<Record<string, string>>): string {
  return `${path}?${new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""))}`;
}
