/** Access to the admin API: bearer tokens, their roles, and how a deployment configures them. */
import { describe, expect, it, vi } from "vitest";
import { CONTRACT } from "../../src/api/contract.ts";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { ROLES, type Role } from "../../src/identity/admin/role.ts";
import { readSettings } from "../../src/settings.ts";
import { bearer, startAccess, tokenEntry } from "../fixtures/edge-admin.ts";
import { ADMIN_TOKEN, startEdge } from "../fixtures/edge-app.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

const TOKENS: Record<Role, string> = {
  viewer: "the-token-of-vera",
  operator: "the-token-of-otto",
  admin: "the-token-of-ada",
};
const named = async (): Promise<string> =>
  JSON.stringify(await Promise.all(ROLES.map((role) => tokenEntry(`the-${role}`, role, TOKENS[role]))));

describe("a bearer token", () => {
  it("identifies its administrator", async () => {
    const access = await startAccess({ ADMIN_TOKENS: await named() });
    expect(await access.identify(bearer())).toBe("200 admin-token admin");
    for (const role of ROLES) {
      expect(await access.identify(bearer(TOKENS[role]))).toBe(`200 the-${role} ${role}`);
    }
  });

  it("is accepted with any spelling of the scheme", async () => {
    const access = await startAccess();
    for (const scheme of ["bearer", "BEARER", "Bearer  "]) {
      expect(await access.identify({ Authorization: `${scheme} ${ADMIN_TOKEN}` })).toBe(
        "200 admin-token admin",
      );
    }
  });

  it.each([
    ["wrong", bearer("a-wrong-token-of-some-length")],
    ["a prefix of the correct one", bearer(ADMIN_TOKEN.slice(0, -1))],
    ["the correct one with a suffix", bearer(`${ADMIN_TOKEN}x`)],
    ["in another case", bearer(ADMIN_TOKEN.toUpperCase())],
    ["sent with another scheme", { Authorization: `Basic ${ADMIN_TOKEN}` }],
    ["sent without a scheme", { Authorization: ADMIN_TOKEN }],
    ["empty", { Authorization: "Bearer" }],
    ["missing", {}],
    ["in the header for API keys", { "X-API-Key": ADMIN_TOKEN }],
  ])("is rejected if it is %s", async (_what, headers: Record<string, string>) => {
    const response = await (await startAccess()).probe(headers);
    expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer /);
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it("is rejected if only its digest is sent", async () => {
    const { sha256 } = { sha256: "", ...(await tokenEntry("x", "admin", TOKENS.admin)) };
    const access = await startAccess({ ADMIN_TOKENS: await named() });
    expect(await access.identify(bearer(sha256))).toBe("401");
  });

  it.each<[Role, Role, number]>([
    ["viewer", "viewer", 200],
    ["viewer", "operator", 403],
    ["viewer", "admin", 403],
    ["operator", "viewer", 200],
    ["operator", "operator", 200],
    ["operator", "admin", 403],
    ["admin", "viewer", 200],
    ["admin", "operator", 200],
    ["admin", "admin", 200],
  ])("of a %s, if the role %s is required: %i", async (role, needed, status) => {
    const access = await startAccess({ ADMIN_TOKENS: await named() });
    const response = await access.probe(bearer(TOKENS[role]), needed, "POST");
    expect(response.status).toBe(status);
    if (status === 200) return;
    const { code, detail } = await problemOf(response);
    expect(code).toBe("forbidden");
    expect(detail).toContain(`"${needed}"`);
  });

  it("appears in no log line, whether it is correct or wrong", async () => {
    const lines: unknown[] = [];
    for (const level of ["debug", "info", "warn", "error"] as const) {
      vi.spyOn(console, level).mockImplementation((line) => void lines.push(line));
    }
    const access = await startAccess({ LOG_LEVEL: "debug" });
    await access.login(ADMIN_TOKEN);
    await access.login("a-wrong-token-of-some-length");
    await access.probe(bearer("a-wrong-token-of-some-length"));
    vi.restoreAllMocks();
    const text = lines.join("\n");
    expect(text).toContain('"admin_login"');
    expect(text).toContain('"admin_unauthenticated"');
    expect(text).not.toContain(ADMIN_TOKEN);
    expect(text).not.toContain("a-wrong-token");
  });
});

describe("the admin API", () => {
  it("is 503 and says what to do if no administrator is configured, whatever is sent", async () => {
    const access = await startAccess({ ADMIN_TOKEN: "", ADMIN_TOKENS: "[]" });
    const cookie = await (await startAccess()).session();
    for (const response of [
      await access.probe({}),
      await access.probe(bearer()),
      await access.probe(bearer("")),
      await access.probe(cookie),
      await access.login(ADMIN_TOKEN),
    ]) {
      const { code, status, detail } = await problemOf(response);
      expect([status, code]).toEqual([503, "not_configured"]);
      expect(detail).toContain("ADMIN_TOKEN");
    }
  });

  it("is closed to callers without a credential, except for login and logout", async () => {
    const edge = await startEdge();
    const endpoints = Object.entries<Endpoint>(CONTRACT).filter(([, { path }]) =>
      path.startsWith("/api/v1/admin"),
    );
    const open: string[] = [];
    for (const [id, { method, path }] of endpoints) {
      const response = await edge.request(path.replaceAll(/:\w+/g, "x"), { method });
      if (response.status !== 401) open.push(id);
    }
    expect(open).toEqual(["createSession", "deleteSession"]);
  });

  it("lets viewers read everything and change nothing", () => {
    for (const [id, { method, path, access: needed }] of Object.entries<Endpoint>(CONTRACT)) {
      if (!path.startsWith("/api/v1/admin") || needed === "none") continue;
      const isForViewers =
        method === "GET" || id === "validatePolicy" || id === "simulatePolicy" || id === "previewTier";
      expect(needed === "viewer", id).toBe(isForViewers);
    }
  });
});

describe("settings", () => {
  const sha256 = "0123456789abcdef".repeat(4);
  const alice = { name: "alice", role: "viewer", sha256 };
  const list = (...entries: unknown[]): object => ({ ADMIN_TOKENS: JSON.stringify(entries) });

  it.each<[what: string, variables: object, path: string]>([
    ["a token of 15 characters", { ADMIN_TOKEN: "a".repeat(15) }, "/ADMIN_TOKEN"],
    ["a token with a space", { ADMIN_TOKEN: "s3cret 0123456789" }, "/ADMIN_TOKEN"],
    ["tokens that are not JSON", { ADMIN_TOKENS: "s3cret" }, "/ADMIN_TOKENS"],
    ["tokens that are not a list", { ADMIN_TOKENS: '{"s3cret":1}' }, "/ADMIN_TOKENS"],
    ["an entry that is not an object", list("s3cret"), "/ADMIN_TOKENS/0"],
    ["a token instead of its digest", list({ ...alice, sha256: "s3cret" }), "/ADMIN_TOKENS/0/sha256"],
    ["a digest in capitals", list({ ...alice, sha256: sha256.toUpperCase() }), "/ADMIN_TOKENS/0/sha256"],
    ["a role that does not exist", list({ ...alice, role: "s3cret" }), "/ADMIN_TOKENS/0/role"],
    ["a name with a space", list({ ...alice, name: "s3cret one" }), "/ADMIN_TOKENS/0/name"],
    ["an unknown field", list({ ...alice, s3cret: 1 }), "/ADMIN_TOKENS/0"],
    ["a name twice", list(alice, { ...alice, sha256: "f".repeat(64) }), "/ADMIN_TOKENS/1/name"],
    ["the name of ADMIN_TOKEN", list({ ...alice, name: "admin-token" }), "/ADMIN_TOKENS/0/name"],
    ["a token twice", list(alice, { ...alice, name: "bob" }), "/ADMIN_TOKENS/1/sha256"],
    [
      "51 tokens",
      list(...Array.from({ length: 51 }, (_, i) => ({ ...alice, name: `s3cret${i}` }))),
      "/ADMIN_TOKENS",
    ],
    ["a team domain without https", { ACCESS_TEAM_DOMAIN: "http://s3cret.example" }, "/ACCESS_TEAM_DOMAIN"],
    [
      "a team domain with a path",
      { ACCESS_TEAM_DOMAIN: "https://s3cret.example/x", ACCESS_AUD: "a" },
      "/ACCESS_TEAM_DOMAIN",
    ],
    ["a team domain without an audience", { ACCESS_TEAM_DOMAIN: "https://s3cret.example" }, "/ACCESS_AUD"],
    ["an audience without a team domain", { ACCESS_AUD: "s3cret" }, "/ACCESS_AUD"],
    ["an Access role that does not exist", { ACCESS_ROLE: "s3cret" }, "/ACCESS_ROLE"],
  ])("reject %s, and never reveal it", (_what, variables, path) => {
    const settings = readSettings(variables);
    expect(settings.ok).toBe(false);
    if (settings.ok) return;
    expect(settings.faults.map((fault) => fault.path)).toEqual([path]);
    expect(JSON.stringify(settings)).not.toContain("s3cret");
  });

  it("report that there is an unknown field, without its name", () => {
    const fault = { path: "/ADMIN_TOKENS/0", message: "has an unknown field" };
    expect(readSettings(list({ ...alice, token: "x" }))).toEqual({ ok: false, faults: [fault] });
  });

  it("accept up to 50 tokens, and treat empty variables as unset", () => {
    const fifty = Array.from({ length: 50 }, (_, i) => ({
      name: `t${i}`,
      role: "viewer",
      sha256: String(i).padStart(64, "0"),
    }));
    expect(readSettings(list(...fifty))).toMatchObject({ ok: true, value: { admin: { tokens: fifty } } });
    const empty = {
      ADMIN_TOKEN: "",
      ADMIN_TOKENS: "",
      ACCESS_TEAM_DOMAIN: "",
      ACCESS_AUD: "",
      ACCESS_ROLE: "",
    };
    const nobody = { token: null, tokens: [], access: null };
    expect(readSettings(empty)).toMatchObject({ ok: true, value: { admin: nobody } });
    expect(readSettings({})).toMatchObject({ ok: true, value: { admin: nobody } });
  });
});
