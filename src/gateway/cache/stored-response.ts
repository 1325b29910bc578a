/**
 * The form in which responses are stored, and how one is made of it again.
 *
 * The Cache API would interpret a response by its own rules: it drops some, evaluates conditions and breaks encoded bodies. So everything
 * but the bytes of the body is in one header, and the stored response is a plain 200 of bytes that stays as long as we say.
 */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import type { Freshness } from "./cacheability.ts";

/** Has the status, the headers and the times of the stored response, as JSON. */
const META_HEADER = "x-edge-limiter-meta";
/** Longer headers are not stored: the store's own bound is not documented. */
const MAX_META_LENGTH = 16_384;
/** A stale response that can be revalidated is kept for this long: revalidation saves its body. */
const REVALIDATE_MS = 3_600_000;

const milliseconds = z.number().check(z.gte(0));
const metaSchema = z.object({
  status: z.int().check(z.gte(200), z.lte(599)),
  headers: z.array(z.tuple([z.string(), z.string()])),
  /** When it was stored or revalidated, Unix milliseconds. */
  storedMs: milliseconds,
  /** Of its body, bytes. */
  length: milliseconds,
  ageMs: milliseconds,
  lifetimeMs: milliseconds,
  staleWhileRevalidateMs: milliseconds,
  staleIfErrorMs: milliseconds,
});

export type StoredMeta = z.infer<typeof metaSchema>;

/** Headers that are not stored: they are about the connection or the request that fetched the response. Those by hop are gone already. */
const UNSTORED = new Set([
  "age",
  "content-length",
  "proxy-authentication-info",
  "server-timing",
  "x-request-id",
]);
/** Headers that a 304 does not change (RFC 9111, section 3.2): they describe the stored body. */
const OF_BODY = new Set(["content-encoding", "content-range"]);

export function metaOf(
  { status, headers }: { readonly status: number; readonly headers: Headers },
  length: number,
  { ageMs, lifetimeMs, staleWhileRevalidateMs, staleIfErrorMs }: Freshness,
  storedMs: number,
): StoredMeta {
  const kept = [...headers].filter(([name]) => !UNSTORED.has(name));
  // A response without a date has that of its arrival (RFC 9110, section 6.6.1).
  if (!headers.has("Date")) kept.push(["date", new Date(storedMs).toUTCString()]);
  return {
    status,
    headers: kept,
    storedMs,
    length,
    ageMs,
    lifetimeMs,
    staleWhileRevalidateMs,
    staleIfErrorMs,
  };
}

/** The headers of a stored response after a 304 with these. */
export function updatedHeaders({ headers }: StoredMeta, of304: Headers, nowMs: number): Headers {
  const updated = new Headers(headers);
  updated.set("Date", new Date(nowMs).toUTCString());
  for (const [name, value] of of304) {
    if (!UNSTORED.has(name) && !OF_BODY.has(name)) updated.set(name, value);
  }
  return updated;
}

/** The response to put into the store; null: its headers are too long. */
export function toStored(meta: StoredMeta, body: Uint8Array): Response | null {
  // Headers are Latin-1; JSON can spell everything else in ASCII.
  const text = JSON.stringify(meta).replaceAll(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (text.length > MAX_META_LENGTH) return null;
  const headers = new Headers(meta.headers);
  const staleMs = Math.max(
    meta.staleWhileRevalidateMs,
    meta.staleIfErrorMs,
    headers.has("ETag") || headers.has("Last-Modified") ? REVALIDATE_MS : 0,
  );
  const keptMs = Math.max(0, meta.lifetimeMs - meta.ageMs) + staleMs;
  return new Response(body, {
    headers: {
      "Cache-Control": `public, max-age=${Math.ceil(keptMs / 1_000)}`,
      // Nothing on the way to the store may take it for text that it could change.
      "Content-Type": "application/octet-stream",
      [META_HEADER]: text,
    },
  });
}

/** A stored response with its body: all of it, or the part that was asked for. */
export interface Stored {
  readonly meta: StoredMeta;
  readonly body: ReadableStream<Uint8Array> | null;
  /** `Content-Range` of a part; null: the whole body. */
  readonly range: string | null;
  /** Of the body or the part, bytes. */
  readonly length: number;
}

/** What the store has returned; null: it is not ours, or of another form. */
export function fromStored(response: Response): Stored | null {
  const parsed = metaSchema.safeParse(parseJson(response.headers.get(META_HEADER) ?? ""));
  if (!parsed.success) return null;
  const range = response.status === 206 ? response.headers.get("Content-Range") : null;
  const bounds = /^bytes (\d+)-(\d+)\//.exec(range ?? "");
  return {
    meta: parsed.data,
    body: response.body,
    range,
    length: bounds ? Number(bounds[2]) - Number(bounds[1]) + 1 : parsed.data.length,
  };
}

/** Its age, ms. */
export function ageMsAt({ ageMs, storedMs }: StoredMeta, nowMs: number): number {
  return ageMs + Math.max(0, nowMs - storedMs);
}

export type StoredState =
  | "fresh"
  /** May be sent while it is revalidated. */
  | "revalidating"
  /** May be sent only if the upstream fails. */
  | "on-error"
  | "stale";

export function stateAt(meta: StoredMeta, nowMs: number): StoredState {
  const staleForMs = ageMsAt(meta, nowMs) - meta.lifetimeMs;
  if (staleForMs < 0) return "fresh";
  if (staleForMs < meta.staleWhileRevalidateMs) return "revalidating";
  return staleForMs < meta.staleIfErrorMs ? "on-error" : "stale";
}
