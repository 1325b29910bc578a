/** Answers conditional and range requests from a stored response (RFC 9110, sections 13 and 14; RFC 9111, section 4.3.2). Pure. */
import { dateMsOf } from "./cache-control.ts";
import type { StoredMeta } from "./stored-response.ts";

/** Whether the client has this response already. */
export function isNotModified(request: Headers, { status, headers }: StoredMeta, nowMs: number): boolean {
  if (status !== 200) return false;
  const stored = new Headers(headers);
  const tags = request.get("If-None-Match");
  if (tags !== null) return matchesTag(tags, stored.get("ETag"));
  const sinceMs = dateMsOf(request.get("If-Modified-Since"), nowMs);
  const modifiedMs = dateMsOf(stored.get("Last-Modified"), nowMs);
  return sinceMs !== null && modifiedMs !== null && modifiedMs <= sinceMs;
}

/** Entity tags, in which a comma is no separator. */
const TAG = /(?:W\/)?("[^"]*")/g;

/** Weak comparison: `W/` does not count. */
function matchesTag(listed: string, tag: string | null): boolean {
  if (listed.trim() === "*") return true;
  if (tag === null) return false;
  const opaque = tag.replace(/^W\//, "");
  for (const [, own] of listed.matchAll(TAG)) if (own === opaque) return true;
  return false;
}

/** One range of bytes. Of several, a response would need parts of its own: the whole body is sent instead. */
const RANGE = /^bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})$/;

/** The range that a GET asks for; null: it gets the whole body. */
export function rangeOf({ method, headers }: Request): string | null {
  const range = headers.get("Range");
  return method === "GET" && range !== null && RANGE.test(range) ? range : null;
}

/** Whether the range applies to this response: `If-Range` compares strongly. */
export function isRangeOf(request: Headers, { status, headers }: StoredMeta): boolean {
  if (status !== 200) return false;
  const condition = request.get("If-Range");
  if (condition === null) return true;
  const stored = new Headers(headers);
  if (condition.startsWith('"')) return condition === stored.get("ETag");
  return condition === stored.get("Last-Modified");
}
