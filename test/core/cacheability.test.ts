/** What may be stored and for how long (RFC 9111), as a table of responses; and the parts of it that headers spell out. */
import { describe, expect, it } from "vitest";
import {
  ageMsOf,
  argumentMs,
  cdnDirectivesOf,
  dateMsOf,
  directivesOf,
} from "../../src/gateway/cache/cache-control.ts";
import { cacheability, type Cacheability } from "../../src/gateway/cache/cacheability.ts";
import { routeCache } from "../../src/policy/route-cache.ts";
import type { CacheDocument } from "../../src/policy/cache-schema.ts";

/** Monday, 2 November 2026, 10:00:00 UTC. */
const NOW = Date.UTC(2026, 10, 2, 10);
const at = (seconds: number): string => new Date(NOW + seconds * 1_000).toUTCString();

interface Given {
  readonly status?: number;
  readonly cache?: Partial<CacheDocument>;
  readonly method?: string;
  readonly request?: HeadersInit;
  /** How long the upstream took, ms. */
  readonly tookMs?: number;
}

function verdictOf(headers: HeadersInit, given: Given = {}): Cacheability {
  const { status = 200, cache = {}, method = "GET", request = {}, tookMs = 0 } = given;
  const route = routeCache({ match: "/*", cache: { ttlSeconds: 60, ...cache } });
  if (!route) throw new Error("the route is not cached");
  return cacheability(
    { method, headers: new Headers(request) },
    { status, headers: new Headers(headers) },
    route,
    { sentMs: NOW - tookMs, receivedMs: NOW },
  );
}

/** Its lifetime and its age on arrival in seconds; or why it is not stored. */
function shortly(verdict: Cacheability): string {
  return verdict.kind === "storable"
    ? `${verdict.lifetimeMs / 1_000} s, ${verdict.ageMs / 1_000} s old`
    : verdict.reason;
}

describe("a response", () => {
  it.each<[expected: string, headers: HeadersInit, given?: Given]>([
    // Lifetimes.
    ["60 s, 0 s old", {}],
    ["60 s, 0 s old", { "Cache-Control": "public" }],
    ["10 s, 0 s old", { "Cache-Control": "max-age=10" }],
    ["60 s, 0 s old", { "Cache-Control": "max-age=3600" }],
    ["5 s, 0 s old", { "Cache-Control": "max-age=50, s-maxage=5" }],
    ["50 s, 0 s old", { "Cache-Control": "max-age=5, s-maxage=50" }],
    ["7 s, 0 s old", { "Cache-Control": 'a="max-age=50", max-age=7' }],
    ["7 s, 0 s old", { "Cache-Control": 'max-age="7"' }],
    ["7 s, 0 s old", { "Cache-Control": "MAX-AGE=007, max-age=50" }],
    ["20 s, 0 s old", { Expires: at(20) }],
    ["20 s, 0 s old", { Expires: at(30), Date: at(10) }],
    ["10 s, 0 s old", { Expires: at(30), "Cache-Control": "max-age=10" }],
    ["stale", { "Cache-Control": "max-age=0" }],
    ["stale", { "Cache-Control": "max-age=-5" }],
    ["stale", { "Cache-Control": "max-age='60'" }],
    ["stale", { "Cache-Control": "max-age" }],
    ["stale", { Expires: at(-1) }],
    ["stale", { Expires: "0" }],
    ["0 s, 0 s old", { "Cache-Control": "max-age=0", ETag: '"1"' }],
    ["30 s, 0 s old", {}, { cache: { defaultTtlSeconds: 30 } }],
    ["no-lifetime", {}, { cache: { defaultTtlSeconds: 0 } }],
    ["10 s, 0 s old", { "Cache-Control": "max-age=10" }, { cache: { defaultTtlSeconds: 0 } }],
    // Ages.
    ["60 s, 20 s old", { Age: "20" }],
    ["60 s, 21.5 s old", { Age: "20" }, { tookMs: 1_500 }],
    ["60 s, 20 s old", { Age: "20, 0" }],
    ["60 s, 0 s old", { Age: "old" }],
    ["60 s, 30 s old", { Date: at(-30) }],
    ["60 s, 0 s old", { Date: at(30) }],
    ["stale", { Age: "60" }],
    ["stale", { Age: "99999999999999" }],
    // What may never be stored.
    ["private", { "Cache-Control": "private" }],
    ["private", { "Cache-Control": 'max-age=60, private="x-user"' }],
    ["no-store", { "Cache-Control": "No-Store" }],
    ["no-store", { "Cache-Control": "public, max-age=60, no-store" }],
    ["no-cache", { "Cache-Control": "no-cache" }],
    ["no-cache", { "Cache-Control": 'no-cache="set-cookie"' }],
    ["set-cookie", { "Set-Cookie": "a=b" }],
    ["range", { "Content-Range": "bytes 0-1/2" }],
    ["method", {}, { method: "POST" }],
    ["method", {}, { method: "HEAD" }],
    ["request-no-store", {}, { request: { "Cache-Control": "no-store" } }],
    ["60 s, 0 s old", {}, { request: { "Cache-Control": "no-cache, max-age=0", Pragma: "no-cache" } }],
    // Vary.
    ["vary", { Vary: "*" }],
    ["vary", { Vary: "Accept-Language, *" }, { cache: { vary: { headers: ["accept-language"] } } }],
    ["vary", { Vary: "Cookie" }],
    ["vary", { Vary: "Accept-Language" }],
    ["60 s, 0 s old", { Vary: "accept-language" }, { cache: { vary: { headers: ["Accept-Language"] } } }],
    ["60 s, 0 s old", { Vary: "Accept-Encoding, ," }],
    // Statuses.
    ["status", {}, { status: 404 }],
    ["60 s, 0 s old", {}, { status: 404, cache: { statuses: [404] } }],
    ["no-lifetime", {}, { status: 503, cache: { statuses: [503] } }],
    ["no-lifetime", {}, { status: 302, cache: { statuses: [302] } }],
    ["9 s, 0 s old", { "Cache-Control": "max-age=9" }, { status: 302, cache: { statuses: [302] } }],
    ["status", { "Cache-Control": "max-age=9" }, { status: 206, cache: { statuses: [206] } }],
    ["status", { "Cache-Control": "max-age=9" }, { status: 401, cache: { statuses: [401] } }],
    ["status", { "Cache-Control": "max-age=9" }, { status: 429, cache: { statuses: [429] } }],
    [
      "must-understand",
      { "Cache-Control": "max-age=9, must-understand" },
      { status: 599, cache: { statuses: [599] } },
    ],
    ["9 s, 0 s old", { "Cache-Control": "max-age=9, must-understand" }],
    // RFC 9213.
    ["9 s, 0 s old", { "CDN-Cache-Control": "max-age=9", "Cache-Control": "no-store" }],
    ["no-store", { "CDN-Cache-Control": "no-store", "Cache-Control": "max-age=60" }],
    ["60 s, 0 s old", { "CDN-Cache-Control": "public", Expires: "0" }],
    ["8 s, 0 s old", { "CDN-Cache-Control": 'max-age="9"', "Cache-Control": "max-age=8" }],
    ["8 s, 0 s old", { "CDN-Cache-Control": "max-age=9;;", "Cache-Control": "max-age=8" }],
    ["8 s, 0 s old", { "CDN-Cache-Control": "", "Cache-Control": "max-age=8" }],
  ])("%s: %j %j", (expected, headers, given) => {
    expect(shortly(verdictOf(headers, given))).toBe(expected);
  });

  it.each<[expected: [number, number], control: string]>([
    [[300, 90], "max-age=10"],
    [[20, 90], "max-age=10, stale-while-revalidate=20"],
    [[300, 30], "max-age=10, stale-if-error=30"],
    [[300, 90], "max-age=10, stale-while-revalidate=900, stale-if-error=900"],
    [[0, 0], "max-age=10, must-revalidate"],
    [[0, 0], "max-age=10, proxy-revalidate, stale-if-error=30"],
    [[0, 0], "s-maxage=10"],
  ])("is sent stale no longer than the route and the upstream allow: %j by %s", (expected, control) => {
    const cache = { staleWhileRevalidateSeconds: 300, staleIfErrorSeconds: 90 };
    const verdict = verdictOf({ "Cache-Control": control }, { cache });
    expect(verdict).toMatchObject({
      staleWhileRevalidateMs: expected[0] * 1_000,
      staleIfErrorMs: expected[1] * 1_000,
    });
  });
});

describe("a date", () => {
  it.each([
    ["Mon, 02 Nov 2026 10:00:00 GMT", NOW],
    ["Monday, 02-Nov-26 10:00:00 GMT", NOW],
    ["Mon Nov  2 10:00:00 2026", NOW],
    ["Thursday, 02-Nov-78 10:00:00 GMT", Date.UTC(1978, 10, 2, 10)],
    ["Mon, 02 Nov 2026 10:00:00 UTC", null],
    ["Mon, 2 Nov 2026 10:00:00 GMT", null],
    ["Mon 02 Nov 2026 10:00:00 GMT", null],
    ["Mon, 02-Nov-2026 10:00:00 GMT", null],
    ["Mon, 02 Nov 2026 10.00.00 GMT", null],
    ["2026-11-02T10:00:00Z", null],
    ["0", null],
    ["", null],
  ])("is read in the three forms of HTTP only: %s", (text, expected) => {
    expect(dateMsOf(text, NOW)).toBe(expected);
  });
});

it("directives are read in time linear to their length, whatever they hold", () => {
  const startedMs = performance.now();
  for (const text of ['"', "\\", ",", "a=", 'a="', "a ", " ", "=", 'a="\\'].map((part) =>
    part.repeat(20_000),
  )) {
    directivesOf(text);
    cdnDirectivesOf(text);
    ageMsOf(text);
    dateMsOf(text, NOW);
  }
  expect(argumentMs(directivesOf(`${"x".repeat(50_000)}, max-age=5`), "max-age")).toBe(5_000);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});
