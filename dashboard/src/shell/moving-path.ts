/**
 * Paths with a period that ends now: `last=<seconds>` stands for the `from` of that many seconds ago. A polled path therefore stays the
 * same from poll to poll. Pure.
 */

/** Replaces `last` by `from`. */
export function pathAt(path: string, nowMs: number): string {
  const [place = "", query] = path.split("?", 2);
  const last = new URLSearchParams(query).get("last");
  if (last === null) return path;
  const moved = new URLSearchParams(query);
  moved.delete("last");
  moved.set("from", new Date(nowMs - Number(last) * 1_000).toISOString());
  return `${place}?${moved}`;
}
