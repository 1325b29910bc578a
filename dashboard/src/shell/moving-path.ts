/**
 * Paths whose period moves with the clock: `last=<seconds>` stands for `from`, so many seconds before now. So the path of a question
 * that is asked again and again stays the same. Pure.
 */
export function pathAt(path: string, nowMs: number): string {
  const [place = "", query] = path.split("?", 2);
  const last = new URLSearchParams(query).get("last");
  if (last === null) return path;
  const moved = new URLSearchParams(query);
  moved.delete("last");
  moved.set("from", new Date(nowMs - Number(last) * 1_000).toISOString());
  return `${place}?${moved}`;
}
