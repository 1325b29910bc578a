/**
 * How the gateway authenticates: the first credential present decides, it is checked before any I/O if possible, and a bad one
 * never falls back to anonymous.
 */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { generateApiKey, hashApiKey } from "../../src/identity/api-key.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import { admin, createAccount, customer, issueKey } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { kvWith, objectsWith } from "../fixtures/edge-bindings.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

/** An edge that records which keys it reads from KV and which objects it calls. */
async function watchedEdge(): Promise<Edge & { readonly keyReads: string[]; readonly subjects: string[] }> {
  const keyReads: string[] = [];
  const subjects: string[] = [];
  const edge = await startEdge({
    variables: {
      CONFIG: kvWith((key) => void (key.startsWith("key:") && keyReads.push(key))),
      USER_LIMITER: objectsWith((subject, method) => {
        if (method === "serve" && !subject.startsWith("login:")) subjects.push(subject);
      }),
    },
  });
  return { ...edge, keyReads, subjects };
}

afterEach(() => vi.useRealTimers());

describe("a bad credential", () => {
  const typo = `${generateApiKey("live").slice(0, -1)}!`;
  const unknown = generateApiKey("live");

  it.each<[what: string, headers: Record<string, string>]>([
    ["an empty X-API-Key", { "X-API-Key": "" }],
    ["garbage as X-API-Key", { "X-API-Key": "let me in" }],
    ["a mistyped key", { "X-API-Key": typo }],
    ["a mistyped key as a bearer token", { Authorization: `Bearer ${typo}` }],
    ["an unknown key", { "X-API-Key": unknown }],
    ["an unknown key as a bearer token", { Authorization: `Bearer ${unknown}` }],
    ["a bearer token that is neither a key nor a JWT", { Authorization: "Bearer abc" }],
    ["a JWT when none is configured", { Authorization: "Bearer e30.e30.c2ln" }],
    ["an empty bearer token", { Authorization: "Bearer " }],
    ["an unsupported scheme", { Authorization: "Basic YTpi" }],
    ["a bearer token with a space", { Authorization: "Bearer a b" }],
  ])("is rejected with 401, never treated as anonymous: %s", async (_what, headers) => {
    const edge = await watchedEdge();
    const response = await edge.request("/identify", { headers });
    expect(await problemCode(response)).toBe("401 invalid_credentials");
    expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer realm=/);
    expect(edge.subjects).toEqual([]);
    expect(edge.forwarded).toEqual([]);
  });

  it("costs no I/O if its checksum is wrong, and one KV read if it is right", async () => {
    const edge = await watchedEdge();
    for (const key of ["el_live_x", typo, unknown.toLowerCase(), `${unknown}0`]) {
      await edge.request("/identify", { headers: { "X-API-Key": key } });
      await edge.request("/identify", { headers: { Authorization: `Bearer ${key}` } });
    }
    expect(edge.keyReads).toEqual([]);
    await edge.request("/identify", { headers: { "X-API-Key": unknown } });
    expect(edge.keyReads).toEqual([keyRecordKey(await hashApiKey(unknown))]);
  });

  it("is rejected even if the request also carries a good one", async () => {
    const edge = await watchedEdge();
    const { key } = await customer(edge);
    const headers = { "X-API-Key": typo, Authorization: `Bearer ${key}` };
    expect((await edge.request("/identify", { headers })).status).toBe(401);
  });
});

describe("a key", () => {
  it("identifies its user, as X-API-Key or as a bearer token in any case", async () => {
    const edge = await watchedEdge();
    const { key, user } = await customer(edge);
    for (const headers of [
      { "X-API-Key": key },
      { Authorization: `Bearer ${key}` },
      { Authorization: `bearer  ${key} ` },
    ]) {
      expect((await edge.request("/identify", { headers })).status).toBe(200);
    }
    expect(edge.subjects).toEqual([`user:${user}`, `user:${user}`, `user:${user}`]);
  });

  it("is rejected from the moment it expires", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2030, 0, 1) });
    const edge = await watchedEdge();
    const user = await createAccount(edge);
    const { key } = await issueKey(edge, user, { expiresAt: "2030-01-01T00:00:10Z" });
    const ask = () => edge.request("/identify", { headers: { "X-API-Key": key } });
    vi.setSystemTime(Date.UTC(2030, 0, 1, 0, 0, 9, 999));
    expect((await ask()).status).toBe(200);
    vi.setSystemTime(Date.UTC(2030, 0, 1, 0, 0, 10));
    expect(await problemCode(await ask())).toBe("401 invalid_credentials");
    // The edge rejects it without calling an object.
    expect(edge.subjects).toEqual([`user:${user}`]);
  });

  it("with a corrupt record in KV is rejected with 401, not 500", async () => {
    const edge = await watchedEdge();
    const key = generateApiKey("live");
    await env.CONFIG.put(keyRecordKey(await hashApiKey(key)), '{"user":');
    const errors = vi.spyOn(console, "error").mockReturnValue();
    expect((await edge.request("/identify", { headers: { "X-API-Key": key } })).status).toBe(401);
    expect(JSON.stringify(errors.mock.calls)).not.toContain(key);
    errors.mockRestore();
  });

  it("keeps working from the cache while KV fails, and gets 503 if it is not cached", async () => {
    let isDown = false;
    const edge = await startEdge({
      variables: {
        CONFIG: kvWith((key) => {
          if (isDown && key.startsWith("key:")) throw new Error("KV is down");
        }),
      },
    });
    const known = await customer(edge);
    const unknown = await customer(edge);
    expect((await edge.request("/identify", { headers: known.headers })).status).toBe(200);
    isDown = true;
    const errors = vi.spyOn(console, "error").mockReturnValue();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    expect((await edge.request("/identify", { headers: known.headers })).status).toBe(200);
    const response = await edge.request("/identify", { headers: unknown.headers });
    expect(response.headers.get("Retry-After")).toBe("1");
    expect(await problemCode(response)).toBe("503 temporary_reduced_capacity");
    errors.mockRestore();
  });

  it("is rejected if its account does not know it, even if KV has its record", async () => {
    const edge = await watchedEdge();
    const { user } = await customer(edge);
    const key = generateApiKey("live");
    const record = { keyId: "forged", user, scopes: ["call"], expiresAt: null, version: 1 };
    await env.CONFIG.put(keyRecordKey(await hashApiKey(key)), JSON.stringify(record));
    const response = await edge.request("/identify", { headers: { "X-API-Key": key } });
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it("without the gateway's scope is rejected with 403", async () => {
    const edge = await watchedEdge();
    const { headers } = await customer(edge, { scopes: ["check"] });
    expect(await problemCode(await edge.request("/identify", { headers }))).toBe("403 forbidden");
    expect(edge.forwarded).toEqual([]);
  });
});

describe("a caller without a credential", () => {
  const from = (ip: string, headers: Record<string, string> = {}) => ({
    headers: { "CF-Connecting-IP": ip, ...headers },
  });

  it("is identified by its address, whatever X-Forwarded-For and similar headers claim", async () => {
    // express-rate-limit/express-rate-limit#134, express-rate-limit/express-rate-limit#363
    const edge = await watchedEdge();
    const claims = {
      "X-Forwarded-For": "203.0.113.9",
      "X-Real-IP": "203.0.113.9",
      Forwarded: "for=203.0.113.9",
    };
    await edge.request("/identify", from("192.0.2.7", claims));
    await edge.request("/identify", from("::ffff:192.0.2.7", { "X-Forwarded-For": "203.0.113.10" }));
    await edge.request("/identify", from("2001:db8::1"));
    await edge.request("/identify", { headers: claims });
    expect(edge.subjects).toEqual(["ip:192.0.2.7", "ip:192.0.2.7", "ip:2001:db8::/64", "ip:unknown"]);
  });

  it("is rejected on a route that requires a credential", async () => {
    const edge = await watchedEdge();
    const response = await edge.request("/private", from("192.0.2.8"));
    expect((await problemOf(response)).code).toBe("invalid_credentials");
    const { headers } = await customer(edge);
    expect((await edge.request("/private", { headers })).status).toBe(200);
  });

  it("never shares a counter with a user whose id looks like its address", async () => {
    const edge = await watchedEdge();
    const user = await createAccount(edge, { id: "ip:192.0.2.9" });
    const { key } = await issueKey(edge, user);
    await edge.request("/identify", { headers: { "X-API-Key": key } });
    await edge.request("/identify", from("192.0.2.9"));
    expect(edge.subjects).toEqual(["user:ip:192.0.2.9", "ip:192.0.2.9"]);
    expect((await admin(edge, "GET", "/accounts/192.0.2.9")).status).toBe(404);
  });
});
