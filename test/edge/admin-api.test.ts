/**
 * What an operator does to an account, as its user's next request sees it. admin-access*.test.ts test who may administer.
 */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { hashApiKey } from "../../src/identity/api-key.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import { admin, createAccount, customer, issueKey, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

afterEach(() => vi.restoreAllMocks());

const call = (edge: Edge, headers: Record<string, string>) => edge.request("/identify", { headers });

describe("the admin API", () => {
  it("is 503 and says how to set a token if none is configured, whatever is sent", async () => {
    const edge = await startEdge({ variables: { ADMIN_TOKEN: "" } });
    for (const token of ["", "undefined", "null", "admin-token-of-the-tests"]) {
      const headers = { Authorization: `Bearer ${token}`, ...newAddress() };
      const problem = await problemOf(await edge.request("/api/v1/admin/accounts/x", { headers }));
      expect([problem.status, problem.code]).toEqual([503, "not_configured"]);
      expect(problem.detail).toContain("wrangler secret put ADMIN_TOKEN");
    }
  });

  it("is 401 for a wrong token, and for an API key with all scopes", async () => {
    const edge = await startEdge();
    const { key } = await customer(edge, { scopes: ["call", "check"] });
    for (const token of ["wrong", "admin-token-of-the-test", "admin-token-of-the-tests-", key]) {
      const headers = { Authorization: `Bearer ${token}`, ...newAddress() };
      const response = await edge.request("/api/v1/admin/accounts/x", { headers });
      expect(await problemCode(response)).toBe("401 invalid_credentials");
    }
    expect((await edge.request("/api/v1/admin/accounts/x", { headers: { "X-API-Key": key } })).status).toBe(
      401,
    );
  });

  it("is closed to pages of other sites: no CORS, whatever the policy says", async () => {
    const edge = await startEdge();
    const response = await edge.request("/api/v1/admin/accounts/x", {
      headers: { Origin: "https://app.example" },
    });
    expect(response.headers.has("Access-Control-Allow-Origin")).toBe(false);
  });
});

describe("an account", () => {
  it("is created once, with the default tier if none is named", async () => {
    const edge = await startEdge();
    const id = newUser();
    const response = await admin(edge, "POST", "/accounts", { id, name: "Ada" });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ id, name: "Ada", tier: "free", status: "active" });
    expect(await problemCode(await admin(edge, "POST", "/accounts", { id }))).toBe("409 conflict");
    expect(await (await admin(edge, "GET", `/accounts/${id}`)).json()).toMatchObject({
      id,
      name: "Ada",
      tier: "free",
    });
  });

  it.each<[what: string, body: unknown, path: string]>([
    ["no id", {}, "/id"],
    ["an id with a space", { id: "a b" }, "/id"],
    ["an id that no URL can name", { id: ".." }, "/id"],
    ["an unknown tier", { id: "x", tier: "gold" }, "/tier"],
    ["an unknown field", { id: "x", plan: "pro" }, "/plan"],
    ["a name that is too long", { id: "x", name: "n".repeat(201) }, "/name"],
  ])("is not created from %s", async (_what, body, path) => {
    const problem = await problemOf(await admin(await startEdge(), "POST", "/accounts", body));
    expect([problem.status, problem.errors?.[0]?.path]).toEqual([422, path]);
  });

  it("may have any valid user id, also in a path", async () => {
    const edge = await startEdge();
    for (const id of ["auth0|5f7c/8a", "ada@example.com", "urn:user:1?x#y", "100%", "...", "..x", "%2e%2e"]) {
      await createAccount(edge, { id });
      const response = await admin(edge, "GET", `/accounts/${encodeURIComponent(id)}`);
      expect([response.status, await response.json()], id).toMatchObject([200, { id }]);
    }
  });

  it("is 404 for every operation if it does not exist", async () => {
    const edge = await startEdge();
    for (const path of [
      "/accounts/nobody",
      "/accounts/nobody/keys",
      `/accounts/${"x".repeat(500)}`,
      "/accounts/a%20b",
    ]) {
      expect(await problemCode(await admin(edge, "GET", path)), path).toBe("404 not_found");
    }
    expect((await admin(edge, "PATCH", "/accounts/nobody", { tier: "pro" })).status).toBe(404);
    expect((await admin(edge, "POST", "/accounts/nobody/keys", {})).status).toBe(404);
    expect((await admin(edge, "DELETE", "/accounts/nobody/keys/k")).status).toBe(404);
  });

  it("changes its tier with the next request, and keeps what was spent", async () => {
    const edge = await startEdge();
    const { user, headers } = await customer(edge);
    expect((await call(edge, headers)).headers.get("RateLimit-Policy")).toMatch(
      /^"minute";q=10;w=60, "month"/,
    );
    expect((await admin(edge, "PATCH", `/accounts/${user}`, { tier: "pro" })).status).toBe(200);
    const response = await call(edge, headers);
    expect(response.headers.get("RateLimit")).toMatch(/^"minute";r=99[89];/);
    expect(response.headers.get("RateLimit-Policy")).toBe('"minute";q=1000;w=60');
    expect(edge.forwarded.at(-1)?.headers.get("X-User-Tier")).toBe("pro");
  });

  it("is blocked with the next request, and admitted again once unblocked", async () => {
    const edge = await startEdge();
    const { user, headers } = await customer(edge);
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    expect(await problemCode(await call(edge, headers))).toBe("403 blocked");
    expect(edge.forwarded).toEqual([]);
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "active" });
    expect((await call(edge, headers)).status).toBe(200);
  });

  it.each<[what: string, body: unknown, path: string]>([
    ["nothing", {}, ""],
    ["an unknown tier", { tier: "gold" }, "/tier"],
    ["an unknown status", { status: "frozen" }, "/status"],
    ["its id", { id: "other" }, "/id"],
  ])("is not changed by %s", async (_what, body, path) => {
    const edge = await startEdge();
    const id = await createAccount(edge);
    const problem = await problemOf(await admin(edge, "PATCH", `/accounts/${id}`, body));
    expect([problem.status, problem.errors?.[0]?.path]).toEqual([422, path]);
  });
});

describe("a key", () => {
  it("is shown once: only its hash is stored", async () => {
    const edge = await startEdge();
    const user = await createAccount(edge);
    const response = await admin(edge, "POST", `/accounts/${user}/keys`, { name: "ci", mode: "test" });
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    const issued: unknown = await response.json();
    expect(issued).toMatchObject({
      key: expect.stringMatching(/^el_test_[0-9A-Za-z]{36}$/),
      name: "ci",
      scopes: ["call"],
      expiresAt: null,
      revokedAt: null,
      published: true,
    });
    const { key, keyId } = await issueKey(edge, user);
    const kvKey = keyRecordKey(await hashApiKey(key));
    expect(await env.CONFIG.get(kvKey, "json")).toEqual({
      keyId,
      user,
      scopes: ["call"],
      expiresAt: null,
      version: expect.any(Number),
    });
    const listed = await (await admin(edge, "GET", `/accounts/${user}/keys`)).text();
    expect(listed).toContain(keyId);
    for (const secret of [key, kvKey.slice("key:".length)]) expect(listed).not.toContain(secret);
    const names = (await env.CONFIG.list()).keys.map(({ name }) => name).join(" ");
    expect(names).not.toContain(key);
  });

  it("works at once, and stops with the very next request after its revocation", async () => {
    const edge = await startEdge();
    const { user, key, keyId, headers } = await customer(edge);
    expect((await call(edge, headers)).status).toBe(200);
    const revoked = await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    expect(await revoked.json()).toMatchObject({ keyId, revokedAt: expect.stringMatching(/^\d{4}-/) });
    // This isolate has the key in its cache; another finds none in KV.
    expect(await problemCode(await call(edge, headers))).toBe("401 invalid_credentials");
    expect(await problemCode(await call(await startEdge({ policy: null }), headers))).toBe(
      "401 invalid_credentials",
    );
    expect(await env.CONFIG.get(keyRecordKey(await hashApiKey(key)))).toBeNull();
  });

  it("of one account cannot be revoked through another", async () => {
    const edge = await startEdge();
    const [ada, bob] = [await customer(edge), await customer(edge)];
    expect((await admin(edge, "DELETE", `/accounts/${bob.user}/keys/${ada.keyId}`)).status).toBe(404);
    expect((await call(edge, ada.headers)).status).toBe(200);
  });

  it("is listed with the account's other keys, in order of creation", async () => {
    const edge = await startEdge();
    const user = await createAccount(edge);
    const ids: string[] = [];
    for (const name of ["a", "b", "c"]) ids.push((await issueKey(edge, user, { name })).keyId);
    const response = await admin(edge, "GET", `/accounts/${user}/keys`);
    const keys = ids.map((keyId, i) => ({ keyId, name: ["a", "b", "c"][i] }));
    expect(await response.json()).toMatchObject({ keys });
  });

  it.each<[what: string, body: unknown, path: string]>([
    ["a scope there is not", { scopes: ["root"] }, "/scopes/0"],
    ["an empty list of scopes", { scopes: [] }, "/scopes"],
    ["an end that is no time", { expiresAt: "tomorrow" }, "/expiresAt"],
    ["an end without a zone", { expiresAt: "2030-01-01T00:00:00" }, "/expiresAt"],
    ["a mode there is not", { mode: "prod" }, "/mode"],
    ["an unknown field", { key: "el_live_mine" }, "/key"],
  ])("is not issued with %s", async (_what, body, path) => {
    const edge = await startEdge();
    const problem = await problemOf(
      await admin(edge, "POST", `/accounts/${await createAccount(edge)}/keys`, body),
    );
    expect([problem.status, problem.errors?.[0]?.path]).toEqual([422, path]);
  });

  it("appears in no log line, from creation to revocation", async () => {
    const lines: unknown[] = [];
    for (const level of ["debug", "info", "warn", "error", "log"] as const) {
      vi.spyOn(console, level).mockImplementation((line) => void lines.push(line));
    }
    const edge = await startEdge({ variables: { LOG_LEVEL: "debug" } });
    const { user, key, keyId, headers } = await customer(edge);
    await call(edge, headers);
    await call(edge, { Authorization: `Bearer ${key}` });
    await call(edge, { "X-API-Key": `${key}x` });
    await admin(edge, "DELETE", `/accounts/${user}/keys/${keyId}`);
    await call(edge, headers);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("\n")).not.toContain(key.slice(8));
  });
});

it("a response that depends on the caller is never cached, so that no other caller gets it", async () => {
  const edge = await startEdge();
  const { user, headers } = await customer(edge);
  const answers = [
    await edge.request("/api/v1/rate-limit/status", { headers }),
    await edge.request("/api/v1/rate-limit/status", { headers: newAddress() }),
    await admin(edge, "GET", "/policy"),
    await admin(edge, "GET", `/accounts/${user}`),
    await admin(edge, "GET", `/accounts/${user}/usage?format=csv`),
    await admin(edge, "GET", "/session"),
  ];
  for (const { status, url, headers: sent } of answers) {
    expect([status, sent.get("Cache-Control")], url).toEqual([200, "no-store"]);
  }
});
