/** The dashboard's session: what it lets in, for how long, and whose requests it does not count for. */
import { base64url } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { later, startClock, stopClock, START_MS } from "../durable-objects/fixture.ts";
import { bearer, cookieOf, HOST, openDoor, OWN_PAGE, SESSION, tokenEntry } from "../fixtures/edge-admin.ts";
import { ADMIN_TOKEN } from "../fixtures/edge-app.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const EIGHT_HOURS_MS = 8 * 3_600_000;
const VERA = "the-token-of-vera";
const vera = async (): Promise<string> => JSON.stringify([await tokenEntry("vera", "viewer", VERA)]);

beforeEach(startClock);
afterEach(stopClock);

describe("logging in", () => {
  it("gives a cookie that scripts, other sites and upstreams do not get, and says for how long", async () => {
    const door = await openDoor();
    const response = await door.login(ADMIN_TOKEN, OWN_PAGE);
    expect(response.status).toBe(200);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    const expiresAt = new Date(START_MS + EIGHT_HOURS_MS).toISOString();
    expect(await response.json()).toEqual({ name: "admin-token", role: "admin", expiresAt });
    const [pair = "", ...attributes] = cookieOf(response).split("; ");
    expect(pair).toMatch(/^el_session=[\w-]+\.[\w-]{43}$/);
    expect(attributes.toSorted()).toEqual([
      "HttpOnly",
      "Max-Age=28800",
      "Path=/api/v1/admin",
      "SameSite=Strict",
      "Secure",
    ]);
  });

  it("leaves Secure out on plain http only, as on a developer's machine", async () => {
    const door = await openDoor();
    const body = JSON.stringify({ token: ADMIN_TOKEN });
    const response = await door.request(`http://localhost:8787${SESSION}`, { method: "POST", body });
    expect(response.status).toBe(200);
    expect(cookieOf(response)).not.toContain("Secure");
  });

  it("carries the token's name and role over", async () => {
    const door = await openDoor({ ADMIN_TOKENS: await vera() });
    const cookie = await door.session(VERA);
    expect(await door.who(cookie)).toBe("200 vera viewer");
    expect(await door.who({ ...cookie, ...OWN_PAGE }, "operator", "POST")).toBe("403");
  });

  it("works where only ADMIN_TOKENS is set", async () => {
    const door = await openDoor({ ADMIN_TOKEN: "", ADMIN_TOKENS: await vera() });
    expect(await door.who(await door.session(VERA))).toBe("200 vera viewer");
  });

  it("is refused with a wrong token, and sets nothing", async () => {
    const response = await (await openDoor()).login("a-wrong-token-of-some-length");
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it.each([
    ["no JSON", "token", "400 invalid_request"],
    ["no token", "{}", "422 invalid_request"],
    ["an empty token", '{"token":""}', "422 invalid_request"],
    ["a token that is no text", '{"token":1}', "422 invalid_request"],
    ["more than a token", JSON.stringify({ token: ADMIN_TOKEN, role: "admin" }), "422 invalid_request"],
    ["an endless token", JSON.stringify({ token: "x".repeat(1_025) }), "422 invalid_request"],
  ])("is refused with %s", async (_what, body, code) => {
    const response = await (await openDoor()).request(SESSION, { method: "POST", body });
    expect(await problemCode(response)).toBe(code);
  });

  it("is not for a page of another site to do", async () => {
    const door = await openDoor();
    for (const headers of [{ Origin: "https://evil.test" }, { "Sec-Fetch-Site": "cross-site" }]) {
      const response = await door.login(ADMIN_TOKEN, headers);
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(await problemCode(response)).toBe("403 forbidden");
    }
  });
});

describe("a session", () => {
  it("ends after eight hours, and not before", async () => {
    const door = await openDoor();
    const cookie = await door.session();
    later(EIGHT_HOURS_MS - 1);
    expect(await door.who(cookie)).toBe("200 admin-token admin");
    later(1);
    const response = await door.probe(cookie);
    expect(cookieOf(response)).toMatch(
      /^el_session=; Max-Age=0; Path=\/api\/v1\/admin; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it("is good in every isolate of the deployment", async () => {
    const cookie = await (await openDoor()).session();
    expect(await (await openDoor()).who(cookie)).toBe("200 admin-token admin");
  });

  it("ends with any change to the tokens", async () => {
    const cookie = await (await openDoor({ ADMIN_TOKENS: await vera() })).session();
    const bob = JSON.stringify([await tokenEntry("bob", "viewer", VERA)]);
    const raised = JSON.stringify([await tokenEntry("vera", "admin", VERA)]);
    for (const changed of [
      { ADMIN_TOKEN: "another-admin-token", ADMIN_TOKENS: await vera() },
      { ADMIN_TOKEN: "", ADMIN_TOKENS: await vera() },
      { ADMIN_TOKENS: "" },
      { ADMIN_TOKENS: bob },
      { ADMIN_TOKENS: raised },
    ]) {
      expect(await (await openDoor(changed)).who(cookie)).toBe("401");
    }
  });

  it("is refused in every other form than the one it was issued in", async () => {
    const door = await openDoor();
    const { Cookie } = await door.session();
    const [, payload = "", signature = ""] = /^el_session=([^.]*)\.(.*)$/.exec(Cookie) ?? [];
    const json = (fields: object): string => base64url.encode(JSON.stringify(fields));
    const good = { name: "admin-token", role: "admin", expiresMs: START_MS + EIGHT_HOURS_MS };
    expect(payload).toBe(json(good));
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
      `${json({ ...good, expiresMs: good.expiresMs + 1 })}.${signature}`,
      `${payload}.${"%".repeat(43)}`,
      `${payload}.${signature}${"A".repeat(1_024)}`,
    ]) {
      expect(await door.who({ Cookie: `el_session=${value}` }), value).toBe("401");
    }
    expect(await door.who({ Cookie })).toBe("200 admin-token admin");
  });

  it("does not count where the bearer token is bad, and gives way where it is good", async () => {
    const door = await openDoor({ ADMIN_TOKENS: await vera() });
    const cookie = await door.session();
    expect(await door.who({ ...cookie, ...bearer("a-wrong-token-of-some-length") })).toBe("401");
    expect(await door.who({ ...cookie, Authorization: "Basic eDp5" })).toBe("401");
    expect(await door.who({ ...cookie, ...bearer(VERA) })).toBe("200 vera viewer");
  });

  it("tells who it is, as a token does", async () => {
    const door = await openDoor();
    const bySession = await door.request(SESSION, { headers: await door.session() });
    const expiresAt = new Date(START_MS + EIGHT_HOURS_MS).toISOString();
    expect(await bySession.json()).toEqual({ name: "admin-token", role: "admin", expiresAt });
    const byToken = await door.request(SESSION, { headers: bearer() });
    expect(await byToken.json()).toEqual({ name: "admin-token", role: "admin", expiresAt: null });
    expect((await door.request(SESSION)).status).toBe(401);
  });

  it("is removed by logging out, also where it is no good any more", async () => {
    const door = await openDoor();
    for (const Cookie of [(await door.session()).Cookie, "el_session=bad", ""]) {
      const response = await door.request(SESSION, { method: "DELETE", headers: { Cookie, ...OWN_PAGE } });
      expect(response.status).toBe(204);
      expect(cookieOf(response)).toMatch(/^el_session=; Max-Age=0; Path=\/api\/v1\/admin;/);
    }
    const response = await door.request(SESSION, {
      method: "DELETE",
      headers: { Origin: "https://evil.test" },
    });
    expect(await problemCode(response)).toBe("403 forbidden");
  });
});

describe("a change with a session", () => {
  it.each<[what: string, headers: Record<string, string>, status: number]>([
    ["of the dashboard's own page", OWN_PAGE, 200],
    ["of an older browser, which says its origin only", { Origin: HOST }, 200],
    [
      "behind a proxy that renames the host",
      { Origin: "http://dev:5173", "Sec-Fetch-Site": "same-origin" },
      200,
    ],
    ["of nobody knows whom", {}, 403],
    ["of another site", { Origin: "https://evil.test", "Sec-Fetch-Site": "cross-site" }, 403],
    ["of another site, by its origin", { Origin: "https://evil.test" }, 403],
    [
      "of a neighbour on the same domain",
      { Origin: "https://x.edge.test", "Sec-Fetch-Site": "same-site" },
      403,
    ],
    ["of another scheme or port", { Origin: "http://edge.test" }, 403],
    ["of a sandboxed page", { Origin: "null" }, 403],
  ])("%s: %j is %i", async (_what, headers, status) => {
    const door = await openDoor();
    const cookie = await door.session();
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expect((await door.probe({ ...cookie, ...headers }, "admin", method)).status).toBe(status);
    }
    const socket = { ...cookie, ...headers, Upgrade: "websocket" };
    expect((await door.probe(socket)).status).toBe(status);
    expect((await door.probe({ ...cookie, ...headers })).status).toBe(200);
  });

  it("may come from anywhere with a bearer token, which no browser adds by itself", async () => {
    const door = await openDoor();
    const headers = { ...bearer(), Origin: "https://evil.test", "Sec-Fetch-Site": "cross-site" };
    expect(await door.who(headers, "admin", "POST")).toBe("200 admin-token admin");
  });
});
