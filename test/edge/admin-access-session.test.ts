/** The dashboard's session: what it authorizes, for how long, and whose requests it does not authorize. */
import { base64url } from "jose";
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MAX_ENDED } from "../../durable-objects/policy-registry/ended-sessions.ts";
import { later, startClock, stopClock, START_MS } from "../durable-objects/fixture.ts";
import {
  bearer,
  cookieOf,
  type AdminAccess,
  type HeaderFields,
  HOST,
  startAccess,
  OWN_PAGE,
  SESSION,
  tokenEntry,
} from "../fixtures/edge-admin.ts";
import { ADMIN_TOKEN } from "../fixtures/edge-app.ts";
import { hang } from "../fixtures/edge-bindings.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const EIGHT_HOURS_MS = 8 * 3_600_000;
const VERA = "the-token-of-vera";
const vera = async (): Promise<string> => JSON.stringify([await tokenEntry("vera", "viewer", VERA)]);

const fail = (): never => {
  throw new Error("out of order");
};

/** A call that is never answered, while five seconds pass. */
const neverAnswered = (): Promise<never> => {
  queueMicrotask(() => vi.advanceTimersByTime(5_000));
  return hang();
};

beforeEach(startClock);
afterEach(stopClock);

describe("logging in", () => {
  it("sets a cookie that scripts, other sites and upstreams do not get, with its lifetime", async () => {
    const access = await startAccess();
    const response = await access.login(ADMIN_TOKEN, OWN_PAGE);
    expect(response.status).toBe(200);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    const expiresAt = new Date(START_MS + EIGHT_HOURS_MS).toISOString();
    expect(await response.json()).toEqual({ name: "admin-token", role: "admin", expiresAt });
    const [pair = "", ...attributes] = cookieOf(response).split("; ");
    expect(pair).toMatch(/^__Secure-el_session=[\w-]+\.[\w-]{43}$/);
    expect(attributes.toSorted()).toEqual([
      "HttpOnly",
      "Max-Age=28800",
      "Path=/api/v1/admin",
      "SameSite=Strict",
      "Secure",
    ]);
  });

  it("omits Secure on plain http only, as on a developer's machine", async () => {
    const access = await startAccess();
    const body = JSON.stringify({ token: ADMIN_TOKEN });
    const response = await access.request(`http://localhost:8787${SESSION}`, { method: "POST", body });
    expect(response.status).toBe(200);
    expect(cookieOf(response)).toMatch(/^el_session=/);
    expect(cookieOf(response)).not.toContain("Secure");
  });

  it("gives the session the token's name and role", async () => {
    const access = await startAccess({ ADMIN_TOKENS: await vera() });
    const cookie = await access.session(VERA);
    expect(await access.identify(cookie)).toBe("200 vera viewer");
    expect(await access.identify({ ...cookie, ...OWN_PAGE }, "operator", "POST")).toBe("403");
  });

  it("works if only ADMIN_TOKENS is set", async () => {
    const access = await startAccess({ ADMIN_TOKEN: "", ADMIN_TOKENS: await vera() });
    expect(await access.identify(await access.session(VERA))).toBe("200 vera viewer");
  });

  it("is rejected with a wrong token, and sets no cookie", async () => {
    const response = await (await startAccess()).login("a-wrong-token-of-some-length");
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it.each([
    ["a body that is not JSON", "token", "400 invalid_request"],
    ["no token", "{}", "422 invalid_request"],
    ["an empty token", '{"token":""}', "422 invalid_request"],
    ["a token that is not a string", '{"token":1}', "422 invalid_request"],
    ["an unknown field", JSON.stringify({ token: ADMIN_TOKEN, role: "admin" }), "422 invalid_request"],
    ["a token that is too long", JSON.stringify({ token: "x".repeat(1_025) }), "422 invalid_request"],
  ])("is rejected with %s", async (_what, body, code) => {
    const response = await (await startAccess()).request(SESSION, { method: "POST", body });
    expect(await problemCode(response)).toBe(code);
  });

  it("is rejected from a page of another site", async () => {
    const access = await startAccess();
    for (const headers of [{ Origin: "https://evil.test" }, { "Sec-Fetch-Site": "cross-site" }]) {
      const response = await access.login(ADMIN_TOKEN, headers);
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(await problemCode(response)).toBe("403 forbidden");
    }
  });
});

describe("a session", () => {
  it("ends after eight hours, and not earlier", async () => {
    const access = await startAccess();
    const cookie = await access.session();
    later(EIGHT_HOURS_MS - 1);
    expect(await access.identify(cookie)).toBe("200 admin-token admin");
    later(1);
    const response = await access.probe(cookie);
    expect(cookieOf(response)).toMatch(
      /^__Secure-el_session=; Max-Age=0; Path=\/api\/v1\/admin; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it("is valid in every isolate of the deployment", async () => {
    const cookie = await (await startAccess()).session();
    expect(await (await startAccess()).identify(cookie)).toBe("200 admin-token admin");
  });

  it("ends with any change to the tokens", async () => {
    const cookie = await (await startAccess({ ADMIN_TOKENS: await vera() })).session();
    const bob = JSON.stringify([await tokenEntry("bob", "viewer", VERA)]);
    const raised = JSON.stringify([await tokenEntry("vera", "admin", VERA)]);
    for (const changed of [
      { ADMIN_TOKEN: "another-admin-token", ADMIN_TOKENS: await vera() },
      { ADMIN_TOKEN: "", ADMIN_TOKENS: await vera() },
      { ADMIN_TOKENS: "" },
      { ADMIN_TOKENS: bob },
      { ADMIN_TOKENS: raised },
    ]) {
      expect(await (await startAccess(changed)).identify(cookie)).toBe("401");
    }
  });

  it("is rejected in any other form than the one issued", async () => {
    const access = await startAccess();
    const { Cookie } = await access.session();
    const [, payload = "", signature = ""] = /^__Secure-el_session=([^.]*)\.(.*)$/.exec(Cookie) ?? [];
    const json = (fields: object): string => base64url.encode(JSON.stringify(fields));
    const good: { id: string } = JSON.parse(new TextDecoder().decode(base64url.decode(payload)));
    const expiresMs = START_MS + EIGHT_HOURS_MS;
    expect(good).toEqual({ id: expect.any(String), name: "admin-token", role: "admin", expiresMs });
    const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    for (const value of [
      "",
      ".",
      "x",
      payload,
      `${payload}.`,
      `.${signature}`,
      `${payload}.${flipped}`,
      `${payload}.${signature.slice(0, -4)}`,
      `${payload}.${signature}.${signature}`,
      `${json({ ...good, name: "root" })}.${signature}`,
      `${json({ ...good, expiresMs: expiresMs + 1 })}.${signature}`,
      `${json({ ...good, id: "another" })}.${signature}`,
      `${payload}.${"%".repeat(43)}`,
      `${payload}.${signature}${"A".repeat(1_024)}`,
    ]) {
      expect(await access.identify({ Cookie: `__Secure-el_session=${value}` }), value).toBe("401");
    }
    expect(await access.identify({ Cookie })).toBe("200 admin-token admin");
  });

  it("is ignored if there is a bearer token, valid or not", async () => {
    const access = await startAccess({ ADMIN_TOKENS: await vera() });
    const cookie = await access.session();
    expect(await access.identify({ ...cookie, ...bearer("a-wrong-token-of-some-length") })).toBe("401");
    expect(await access.identify({ ...cookie, Authorization: "Basic eDp5" })).toBe("401");
    expect(await access.identify({ ...cookie, ...bearer(VERA) })).toBe("200 vera viewer");
  });

  it("says who is logged in, as with a token", async () => {
    const access = await startAccess();
    const bySession = await access.request(SESSION, { headers: await access.session() });
    const expiresAt = new Date(START_MS + EIGHT_HOURS_MS).toISOString();
    expect(await bySession.json()).toEqual({ name: "admin-token", role: "admin", expiresAt });
    const byToken = await access.request(SESSION, { headers: bearer() });
    expect(await byToken.json()).toEqual({ name: "admin-token", role: "admin", expiresAt: null });
    expect((await access.request(SESSION)).status).toBe(401);
  });

  it("is removed by logging out, even if it is no longer valid", async () => {
    const access = await startAccess();
    for (const Cookie of [(await access.session()).Cookie, "__Secure-el_session=bad", ""]) {
      const response = await access.request(SESSION, { method: "DELETE", headers: { Cookie, ...OWN_PAGE } });
      expect(response.status).toBe(204);
      expect(cookieOf(response)).toMatch(/^__Secure-el_session=; Max-Age=0; Path=\/api\/v1\/admin;/);
    }
    const response = await access.request(SESSION, {
      method: "DELETE",
      headers: { Origin: "https://evil.test" },
    });
    expect(await problemCode(response)).toBe("403 forbidden");
  });
});

describe("logging out", () => {
  const logOut = (
    access: AdminAccess,
    cookie: HeaderFields,
    headers: HeaderFields = OWN_PAGE,
  ): Promise<Response> => access.request(SESSION, { method: "DELETE", headers: { ...cookie, ...headers } });

  it("ends the session in every isolate at once: a copy of its cookie is rejected", async () => {
    const [here, there] = [await startAccess(), await startAccess()];
    const cookie = await here.session();
    expect(await there.identify(cookie)).toBe("200 admin-token admin");
    expect((await logOut(here, cookie)).status).toBe(204);
    const anew = await startAccess();
    for (const access of [here, there, anew]) {
      expect(await access.identify(cookie)).toBe("401");
      expect(await access.identify({ ...cookie, ...OWN_PAGE }, "admin", "POST")).toBe("401");
      const socket = { ...cookie, ...OWN_PAGE, Upgrade: "websocket" };
      expect((await access.request("/api/v1/admin/live", { headers: socket })).status).toBe(401);
    }
    const { headers } = await there.probe(cookie);
    expect(headers.getSetCookie()).toEqual([expect.stringMatching(/^__Secure-el_session=; Max-Age=0;/)]);
    later(EIGHT_HOURS_MS - 1);
    expect(await there.identify(cookie)).toBe("401");
  });

  it("ends neither other sessions of the token nor the token itself, and can be repeated", async () => {
    const access = await startAccess();
    const [mine, other] = [await access.session(), await access.session()];
    for (let i = 0; i < 3; i++) expect((await logOut(access, mine)).status).toBe(204);
    expect([await access.identify(mine), await access.identify(other)]).toEqual([
      "401",
      "200 admin-token admin",
    ]);
    expect(await access.identify(bearer())).toBe("200 admin-token admin");
    expect(await access.identify(await access.session())).toBe("200 admin-token admin");
  });

  it("ends nothing if sent by a page of another site or with a forged cookie", async () => {
    const access = await startAccess();
    const cookie = await access.session();
    expect((await logOut(access, cookie, { Origin: "https://evil.test" })).status).toBe(403);
    await logOut(access, { Cookie: `${cookie.Cookie.slice(0, -4)}AAAA` });
    expect(await access.identify(cookie)).toBe("200 admin-token admin");
  });

  it.each<[what: string, stub: () => object]>([
    ["fails", () => ({ hasEnded: fail, endSession: fail })],
    ["cannot be reached", () => fail()],
    ["does not answer in five seconds", () => ({ hasEnded: neverAnswered, endSession: neverAnswered })],
  ])(
    "fails closed if the registry %s: sessions are 503, tokens work, and the cookie is kept",
    async (_what, stub) => {
      const access = await startAccess();
      const cookie = await access.session();
      const spy = vi.spyOn(env.POLICY_REGISTRY, "getByName").mockImplementation(stub as never);
      const response = await logOut(access, cookie);
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(await problemCode(response)).toBe("503 temporary_reduced_capacity");
      expect(await problemCode(await access.probe(cookie))).toBe("503 temporary_reduced_capacity");
      expect(await access.identify(bearer())).toBe("200 admin-token admin");
      spy.mockRestore();
      expect(await access.identify(cookie)).toBe("200 admin-token admin");
      expect((await logOut(access, cookie)).status).toBe(204);
      expect(await access.identify(cookie)).toBe("401");
    },
  );

  it("ends the session even if its live streams cannot be closed, says so, and can be repeated", async () => {
    const access = await startAccess();
    const cookie = await access.session();
    const spy = vi.spyOn(env.METRICS_HUB, "getByName").mockImplementation(fail);
    expect((await logOut(access, cookie)).status).toBe(503);
    spy.mockRestore();
    expect(await access.identify(cookie)).toBe("401");
    expect((await logOut(access, cookie)).status).toBe(204);
  });

  it("closes the live streams of the session, and opens none that is requested meanwhile", async () => {
    const access = await startAccess();
    const [cookie, other] = [await access.session(), await access.session()];
    const open = async (by: HeaderFields) => {
      const headers = { ...by, ...OWN_PAGE, Upgrade: "websocket" };
      return access.request("/api/v1/admin/live", { headers });
    };
    const codes: number[] = [];
    const [stream, others] = [(await open(cookie)).webSocket, (await open(other)).webSocket];
    stream?.accept();
    others?.accept();
    stream?.addEventListener("close", ({ code }) => codes.push(code));
    others?.addEventListener("close", ({ code }) => codes.push(-code));
    // Opened in the hub, but the session ends before the edge has the answer.
    const hubOf = env.METRICS_HUB.getByName.bind(env.METRICS_HUB);
    const spy = vi.spyOn(env.METRICS_HUB, "getByName").mockImplementationOnce((name) => {
      const stub = hubOf(name);
      const fetch = stub.fetch.bind(stub);
      return Object.assign(Object.create(stub), {
        fetch: async (...input: Parameters<typeof fetch>) => {
          await logOut(access, cookie);
          return fetch(...input);
        },
      });
    });
    const late = await open(cookie);
    spy.mockRestore();
    expect(await problemCode(late)).toBe("401 invalid_credentials");
    await expect.poll(() => codes).toEqual([1008]);
    others?.close();
  });

  it("never accepts an ended session, however many have ended: older sessions of the token end, too", async () => {
    const name = `eve-${crypto.randomUUID()}`;
    const eve = "the-token-of-eve";
    const access = await startAccess({
      ADMIN_TOKENS: JSON.stringify([await tokenEntry(name, "viewer", eve)]),
    });
    const older = await access.session(eve);
    later(1);
    const ended = await access.session(eve);
    await logOut(access, ended);
    later(1);
    const newer = await access.session(eve);
    const ofAnother = await access.session();
    later(1);
    const expiresMs = Date.now() + EIGHT_HOURS_MS;
    const key = `endedSessions:${name}`;
    const stub = env.POLICY_REGISTRY.getByName("policy");
    const size = await runInDurableObject(stub, (registry, { storage: { kv } }) => {
      const ids = Array.from({ length: MAX_ENDED - 1 }, () => [crypto.randomUUID(), expiresMs]);
      const before = kv.get<{ expiresMs: object }>(key);
      kv.put(key, { allUntilMs: 0, expiresMs: { ...before?.expiresMs, ...Object.fromEntries(ids) } });
      registry.endSession({ id: crypto.randomUUID(), name, role: "viewer", expiresMs });
      return JSON.stringify(kv.get(key)).length;
    });
    expect(size).toBeLessThan(60_000);
    const answers = [
      await access.identify(ended),
      await access.identify(older),
      await access.identify(newer),
    ];
    expect(answers).toEqual(["401", "401", `200 ${name} viewer`]);
    expect(await access.identify(ofAnother)).toBe("200 admin-token admin");
    expect(await access.identify(await access.session(eve))).toBe(`200 ${name} viewer`);
  });

  it("is forgotten once the session would have expired anyway", async () => {
    const access = await startAccess({ ADMIN_TOKENS: await vera() });
    const keys = () =>
      runInDurableObject(env.POLICY_REGISTRY.getByName("policy"), (_registry, { storage }) =>
        [...storage.kv.list({ prefix: "endedSessions:" })].map(([key]) => key),
      );
    await logOut(access, await access.session(VERA));
    expect(await keys()).toContain("endedSessions:vera");
    later(EIGHT_HOURS_MS + 600_000);
    await logOut(access, await access.session());
    expect(await keys()).not.toContain("endedSessions:vera");
  });
});

describe("a cookie from an earlier version", () => {
  it("is rejected under its old name on https, and removed by login and logout", async () => {
    const access = await startAccess();
    const { Cookie } = await access.session();
    const old = Cookie.replace("__Secure-", "");
    expect(await access.identify({ Cookie: old })).toBe("401");
    expect(await access.identify({ Cookie: `${old}; ${Cookie}` })).toBe("200 admin-token admin");
    const cleared = /^el_session=; Max-Age=0; Path=\/api\/v1\/admin; HttpOnly; SameSite=Strict$/;
    for (const response of [
      await access.login(ADMIN_TOKEN, { Cookie: old }),
      await logOutWith(access, old),
    ]) {
      const [current, stale, ...more] = response.headers.getSetCookie();
      expect([current, stale, more]).toEqual([
        expect.stringMatching(/^__Secure-el_session=/),
        expect.stringMatching(cleared),
        [],
      ]);
    }
  });

  it("without a session id is rejected, whatever its signature", async () => {
    const access = await startAccess();
    const payload = base64url.encode(
      JSON.stringify({ name: "admin-token", role: "admin", expiresMs: START_MS + EIGHT_HOURS_MS }),
    );
    // As the previous version derived its key.
    const secrets = JSON.stringify([ADMIN_TOKEN, []]);
    const text = (each: string) => new TextEncoder().encode(each);
    const root = await crypto.subtle.importKey("raw", text(secrets), "HKDF", false, ["deriveKey"]);
    for (const version of [1, 2]) {
      const info = text(`edge-limiter admin session ${version}`);
      const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
      const hmac = { name: "HMAC", hash: "SHA-256", length: 256 };
      const key = await crypto.subtle.deriveKey(hkdf, root, hmac, false, ["sign"]);
      const signature = base64url.encode(
        new Uint8Array(await crypto.subtle.sign("HMAC", key, text(payload))),
      );
      expect(await access.identify({ Cookie: `__Secure-el_session=${payload}.${signature}` })).toBe("401");
    }
  });

  function logOutWith(access: AdminAccess, Cookie: string): Promise<Response> {
    return access.request(SESSION, { method: "DELETE", headers: { Cookie, ...OWN_PAGE } });
  }
});

describe("a change with a session", () => {
  it.each<[what: string, headers: Record<string, string>, status: number]>([
    ["from the dashboard's own page", OWN_PAGE, 200],
    ["from an older browser, which sends only its origin", { Origin: HOST }, 200],
    [
      "behind a proxy that renames the host",
      { Origin: "http://dev:5173", "Sec-Fetch-Site": "same-origin" },
      200,
    ],
    ["of unknown origin", {}, 403],
    ["from another site", { Origin: "https://evil.test", "Sec-Fetch-Site": "cross-site" }, 403],
    ["from another site, by its origin", { Origin: "https://evil.test" }, 403],
    ["from a sibling domain", { Origin: "https://x.edge.test", "Sec-Fetch-Site": "same-site" }, 403],
    ["from another scheme or port", { Origin: "http://edge.test" }, 403],
    ["from a sandboxed page", { Origin: "null" }, 403],
  ])("%s: %j is %i", async (_what, headers, status) => {
    const access = await startAccess();
    const cookie = await access.session();
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expect((await access.probe({ ...cookie, ...headers }, "admin", method)).status).toBe(status);
    }
    const socket = { ...cookie, ...headers, Upgrade: "websocket" };
    expect((await access.probe(socket)).status).toBe(status);
    expect((await access.probe({ ...cookie, ...headers })).status).toBe(200);
  });

  it("may come from anywhere with a bearer token, which browsers never add automatically", async () => {
    const access = await startAccess();
    const headers = { ...bearer(), Origin: "https://evil.test", "Sec-Fetch-Site": "cross-site" };
    expect(await access.identify(headers, "admin", "POST")).toBe("200 admin-token admin");
  });
});
