/**
 * Who is calling, as the gateway decides it: the first credential that is present, checked before any I/O where it can be,
 * and never a fall back to anonymous.
 */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { generateApiKey, hashApiKey } from "../../src/identity/api-key.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import { admin, createAccount, customer, issueKey } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { kvWith, objectsWith } from "../fixtures/edge-bindings.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

/** An edge that keeps account of what it asks of KV and of the objects. */
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

describe("a credential that is present but bad", () => {
  const typo = `${generateApiKey("live").slice(0, -1)}!`;
  const unknown = generateApiKey("live");

  it.each<[what: string, headers: Record<string, string>]>([
    ["an empty X-API-Key", { "X-API-Key": "" }],
    ["rubbish as X-API-Key", { "X-API-Key": "let me in" }],
    ["a mistyped key", { "X-API-Key": typo }],
    ["a mistyped key as a bearer token", { Authorization: `Bearer ${typo}` }],
    ["a key that nobody issued", { "X-API-Key": unknown }],
    ["a key that nobody issued, as a bearer token", { Authorization: `Bearer ${unknown}` }],
    ["a bearer token that is neither", { Authorization: "Bearer abc" }],
    ["a token where no JWT is configured", { Authorization: "Bearer e30.e30.c2ln" }],
    ["an empty bearer token", { Authorization: "Bearer " }],
    ["another scheme", { Authorization: "Basic YTpi" }],
    ["two words", { Authorization: "Bearer a b" }],
  ])("is 401 and never anonymous: %s", async (_what, headers) => {
    const edge = await watchedEdge();
    const response = await edge.request("/identify", { headers });
    expect(await problemCode(response)).toBe("401 invalid_credentials");
    expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer realm=/);
    expect(edge.subjects).toEqual([]);
    expect(edge.forwarded).toEqual([]);
  });

  it("costs no I/O before the checksum is right, and one read after", async () => {
    const edge = await watchedEdge();
    for (const key of ["el_live_x", typo, unknown.toLowerCase(), `${unknown}0`]) {
      await edge.request("/identify", { headers: { "X-API-Key": key } });
      await edge.request("/identify", { headers: { Authorization: `Bearer ${key}` } });
    }
    expect(edge.keyReads).toEqual([]);
    await edge.request("/identify", { headers: { "X-API-Key": unknown } });
    expect(edge.keyReads).toEqual([keyRecordKey(await hashApiKey(unknown))]);
  });

  it("is refused although a good one stands beside it", async () => {
    const edge = await watchedEdge();
    const { key } = await customer(edge);
    const headers = { "X-API-Key": typo, Authorization: `Bearer ${key}` };
    expect((await edge.request("/identify", { headers })).status).toBe(401);
  });
});

describe("a key", () => {
  it("is somebody, as X-API-Key and as a bearer token in any case", async () => {
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

  it("that has expired is refused from that moment on", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2030, 0, 1) });
    const edge = await watchedEdge();
    const user = await createAccount(edge);
    const { key } = await issueKey(edge, user, { expiresAt: "2030-01-01T00:00:10Z" });
    const ask = () => edge.request("/identify", { headers: { "X-API-Key": key } });
    vi.setSystemTime(Date.UTC(2030, 0, 1, 0, 0, 9, 999));
    expect((await ask()).status).toBe(200);
    vi.setSystemTime(Date.UTC(2030, 0, 1, 0, 0, 10));
    expect(await problemCode(await ask())).toBe("401 invalid_credentials");
    // At the edge already: no object is asked.
    expect(edge.subjects).toEqual([`user:${user}`]);
  });

  it("whose record in KV is rubbish is 401, not 500", async () => {
    const edge = await watchedEdge();
    const key = generateApiKey("live");
    await env.CONFIG.put(keyRecordKey(await hashApiKey(key)), '{"user":');
    const errors = vi.spyOn(console, "error").mockReturnValue();
    expect((await edge.request("/identify", { headers: { "X-API-Key": key } })).status).toBe(401);
    expect(JSON.stringify(errors.mock.calls)).not.toContain(key);
    errors.mockRestore();
  });

  it("is 503 where KV does not answer and nothing is known of it; where it is known, it goes on working", async () => {
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

  it("that KV still vouches for is refused where its account does not know it", async () => {
    const edge = await watchedEdge();
    const { user } = await customer(edge);
    const key = generateApiKey("live");
    const record = { keyId: "forged", user, scopes: ["call"], expiresAt: null, version: 1 };
    await env.CONFIG.put(keyRecordKey(await hashApiKey(key)), JSON.stringify(record));
    const response = await edge.request("/identify", { headers: { "X-API-Key": key } });
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it("without the scope of the gateway may not call it", async () => {
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

  it("is its address, whatever it writes into X-Forwarded-For and the like", async () => {
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

  it("may not take a route that requires one", async () => {
    const edge = await watchedEdge();
    const response = await edge.request("/private", from("192.0.2.8"));
    expect((await problemOf(response)).code).toBe("invalid_credentials");
    const { headers } = await customer(edge);
    expect((await edge.request("/private", { headers })).status).toBe(200);
  });

  it("cannot take a user's name by looking like one: addresses and users never share a counter", async () => {
    const edge = await watchedEdge();
    const user = await createAccount(edge, { id: "ip:192.0.2.9" });
    const { key } = await issueKey(edge, user);
    await edge.request("/identify", { headers: { "X-API-Key": key } });
    await edge.request("/identify", from("192.0.2.9"));
    expect(edge.subjects).toEqual(["user:ip:192.0.2.9", "ip:192.0.2.9"]);
    expect((await admin(edge, "GET", "/accounts/192.0.2.9")).status).toBe(404);
  });
});
