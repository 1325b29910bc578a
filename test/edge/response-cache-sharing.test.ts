/**
 * Random requests of two users to one cached route, with random headers, cookies and queries: nobody gets the other's response, and no
 * header that is not in the key reaches the upstream. `npm run test:cache:sharing` sends 100,000 (CACHE_REQUESTS).
 */
import fc from "fast-check";
import { expect, inject, it } from "vitest";
import { customer } from "../fixtures/edge-account.ts";
import { cachedEdge, newPage } from "../fixtures/edge-cache.ts";

const REQUESTS = inject("cacheRequests");
/** Per edge: what it has forwarded is kept. */
const ROUND = 1_000;

const NAMES = [
  "Cookie",
  "User-Agent",
  "Accept",
  "Accept-Language",
  "Accept-Encoding",
  "Origin",
  "Referer",
  "Cache-Control",
  "Pragma",
  "If-None-Match",
  "If-Modified-Since",
  "If-Range",
  "Range",
  "X-Forwarded-Host",
  "X-Forwarded-For",
  "X-Original-URL",
  "X-HTTP-Method-Override",
  "X-User-Id",
  "X-User-Tier",
  "x_user_id",
  "X-Request-Id",
  "CF-Connecting-IP",
  "Edge-Limiter-Hops",
  "X-Form",
  "traceparent",
] as const;

const value = fc.oneof(
  fc.stringMatching(/^[!-~]{0,12}$/),
  fc.constantFrom("alice", "bob", "br", "gzip", "bytes=0-3", '"v"', "no-store", "no-cache", "1", "a, b", "*"),
);
const query = fc.array(
  fc.tuple(
    fc.constantFrom("page", "p%61ge", "user", "utm", "a;page"),
    fc.constantFrom("1", "2", "alice", ""),
  ),
  { maxLength: 3 },
);
const requests = fc.record({
  isAlice: fc.boolean(),
  page: fc.nat(3),
  method: fc.constantFrom("GET", "GET", "GET", "GET", "HEAD"),
  headers: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), value), {
    selector: ([name]) => name.toLowerCase(),
    maxLength: 5,
  }),
  query,
});

/** All that may reach the upstream: what the key is made of, and what the fetch itself adds. */
const IN_KEY = ["accept-encoding", "edge-limiter-hops", "x-form"];
const OF_USER = [...IN_KEY, "x-user-id", "x-user-tier"];

for (const share of ["user", "all"] as const) {
  it(
    share === "user"
      ? `two users never get each other's response`
      : `no header that is not in the key reaches the upstream`,
    { timeout: 3_600_000 },
    async () => {
      let [hits, sent] = [0, 0];
      for (let round = 0; sent < REQUESTS / 2; round++) {
        const edge = await cachedEdge(
          ({ headers, url }) =>
            new Response(JSON.stringify({ user: headers.get("X-User-Id"), url }), {
              headers: { ETag: '"v"', "X-For": headers.get("X-User-Id") ?? "nobody" },
            }),
          { share, vary: { headers: ["X-Form"], query: ["page"] } },
        );
        const users = [
          await customer(edge, { tier: "only" }),
          await customer(edge, { tier: "only" }),
        ] as const;
        const pages = Array.from({ length: 4 }, newPage);
        for (const given of fc.sample(requests, Math.min(ROUND, REQUESTS / 2 - sent))) {
          const { user, headers: key } = users[given.isAlice ? 0 : 1];
          const search = given.query.map((pair) => pair.join("=")).join("&");
          const headers = new Headers([...given.headers, ...Object.entries(key)]);
          const response = await edge.request(`${pages[given.page]}?${search}`, {
            method: given.method,
            headers,
          });
          const body = await response.text();
          sent += 1;
          if (response.status === 508) continue;
          expect([200, 206, 304]).toContain(response.status);
          if (response.headers.get("Cache-Status")?.includes("hit")) hits += 1;
          expect(response.headers.get("X-For")).toBe(share === "user" ? user : "nobody");
          if (response.status !== 200 || given.method === "HEAD") continue;
          const got: unknown = JSON.parse(body);
          expect(Reflect.get(Object(got), "user")).toBe(share === "user" ? user : null);
          expect(String(Reflect.get(Object(got), "url"))).not.toMatch(/utm|user=/);
        }
        await edge.backgroundDone();
        for (const { headers } of edge.forwarded) {
          const names = [...headers.keys()];
          expect(names.filter((name) => !(share === "user" ? OF_USER : IN_KEY).includes(name))).toEqual([]);
        }
      }
      // Else it would show nothing.
      expect(hits).toBeGreaterThan(sent / 20);
    },
  );
}
