/** A deployment's settings: an invalid variable is named but never shown, and the Worker then answers only 500. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readSettings } from "../../src/settings.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const SECRET = "x".repeat(32);
const HMAC = { JWT_ALGORITHM: "HS256", JWT_SECRET: SECRET, JWT_ISSUER: "issuer", JWT_AUDIENCE: "audience" };
const RSA = {
  JWT_ALGORITHM: "RS256",
  JWT_JWKS_URL: "https://issuer.test/keys",
  JWT_ISSUER: "issuer",
  JWT_AUDIENCE: "audience",
};

describe("an empty environment", () => {
  it.each([
    {},
    {
      UPSTREAM: "",
      LOG_LEVEL: "",
      LIMITER_TIMEOUT_MS: "",
      ACCOUNT_HOME: "",
      JURISDICTION: "",
      ANALYTICS_IP: "",
      ADMIN_TOKEN: "",
      JWT_ALGORITHM: "",
      JWT_SECRET: "",
    },
  ])("has no upstream and no JWT, whether variables are unset or empty: %j", (variables) => {
    expect(readSettings(variables)).toMatchObject({
      ok: true,
      value: {
        upstream: null,
        logLevel: "info",
        limiterTimeoutMs: 1_000,
        serverTiming: false,
        analyticsDelayMs: 20_000,
        accountHome: null,
        jurisdiction: null,
        addressDetail: "prefix",
        jwt: null,
      },
    });
  });
});

describe("a valid variable", () => {
  it.each<[variables: Record<string, string>, settings: Record<string, unknown>]>([
    [{ UPSTREAM: "https://api.example/v2" }, { upstream: "https://api.example/v2" }],
    [{ UPSTREAM: "service:ORIGIN" }, { upstream: "service:ORIGIN" }],
    [{ LOG_LEVEL: "debug" }, { logLevel: "debug" }],
    [{ LIMITER_TIMEOUT_MS: "50" }, { limiterTimeoutMs: 50 }],
    [{ ANALYTICS_DELAY_MS: "0" }, { analyticsDelayMs: 0 }],
    [{ ANALYTICS_DELAY_MS: "20000" }, { analyticsDelayMs: 20_000 }],
    [{ SERVER_TIMING: "on" }, { serverTiming: true }],
    [{ SERVER_TIMING: "off" }, { serverTiming: false }],
    [{ ACCOUNT_HOME: "weur" }, { accountHome: "weur" }],
    [{ ACCOUNT_HOME: "apac-ne" }, { accountHome: "apac-ne" }],
    [{ JURISDICTION: "eu" }, { jurisdiction: "eu" }],
    [{ JURISDICTION: "us" }, { jurisdiction: "us" }],
    [{ ANALYTICS_IP: "full" }, { addressDetail: "full" }],
    [{ ANALYTICS_IP: "none" }, { addressDetail: "none" }],
    [HMAC, { jwt: { algorithm: "HS256", key: { kind: "secret", secret: SECRET }, tierClaim: null } }],
    [{ ...HMAC, JWT_TIER_CLAIM: "tier" }, { jwt: { tierClaim: "tier" } }],
    [{ ...HMAC, JWT_TYP: "at+jwt" }, { jwt: { typ: "at+jwt" } }],
    [{ ...HMAC, JWT_TYP: "application/at+jwt" }, { jwt: { typ: "application/at+jwt" } }],
    [{ ...HMAC, JWT_TYP: "" }, { jwt: { typ: null } }],
    [RSA, { jwt: { algorithm: "RS256", key: { kind: "jwks" }, issuer: "issuer", audience: "audience" } }],
    [{ ...RSA, JWT_JWKS_URL: "http://localhost:8787/keys" }, { jwt: { key: { kind: "jwks" } } }],
  ])("is accepted: %j", (variables, settings) => {
    expect(readSettings(variables)).toMatchObject({ ok: true, value: settings });
  });
});

describe("an invalid variable", () => {
  it.each<[variables: Record<string, unknown>, paths: string[]]>([
    [{ UPSTREAM: "api.example" }, ["/UPSTREAM"]],
    [{ UPSTREAM: "ftp://api.example" }, ["/UPSTREAM"]],
    [{ UPSTREAM: "https://user:pa55word@api.example" }, ["/UPSTREAM"]],
    [{ UPSTREAM: "https://api.example/?key=pa55word" }, ["/UPSTREAM"]],
    [{ UPSTREAM: "service:" }, ["/UPSTREAM"]],
    [{ LOG_LEVEL: "verbose" }, ["/LOG_LEVEL"]],
    [{ ANALYTICS_DELAY_MS: "20001" }, ["/ANALYTICS_DELAY_MS"]],
    [{ ANALYTICS_DELAY_MS: "1s" }, ["/ANALYTICS_DELAY_MS"]],
    [{ LIMITER_TIMEOUT_MS: "0" }, ["/LIMITER_TIMEOUT_MS"]],
    [{ LIMITER_TIMEOUT_MS: "1e3" }, ["/LIMITER_TIMEOUT_MS"]],
    [{ LIMITER_TIMEOUT_MS: "100000" }, ["/LIMITER_TIMEOUT_MS"]],
    [{ LIMITER_TIMEOUT_MS: -5 }, ["/LIMITER_TIMEOUT_MS"]],
    [{ ACCOUNT_HOME: "pa55word" }, ["/ACCOUNT_HOME"]],
    [{ ACCOUNT_HOME: "WEUR" }, ["/ACCOUNT_HOME"]],
    [{ ACCOUNT_HOME: "weur " }, ["/ACCOUNT_HOME"]],
    [{ ACCOUNT_HOME: "eu" }, ["/ACCOUNT_HOME"]],
    [{ JURISDICTION: "EU" }, ["/JURISDICTION"]],
    [{ JURISDICTION: "weur" }, ["/JURISDICTION"]],
    [{ ANALYTICS_IP: "off" }, ["/ANALYTICS_IP"]],
    [{ ADMIN_TOKEN: "pa55word" }, ["/ADMIN_TOKEN"]],
    [{ JWT_SECRET: "pa55word" }, ["/JWT_SECRET"]],
    [{ JWT_JWKS_URL: "https://issuer.test/keys" }, ["/JWT_JWKS_URL"]],
    [{ ...HMAC, JWT_ALGORITHM: "none" }, ["/JWT_ALGORITHM"]],
    [{ ...HMAC, JWT_ALGORITHM: "hs256" }, ["/JWT_ALGORITHM"]],
    [{ ...HMAC, JWT_SECRET: "pa55word" }, ["/JWT_SECRET"]],
    [{ ...HMAC, JWT_SECRET: undefined }, ["/JWT_SECRET"]],
    [{ ...HMAC, JWT_TYP: "at jwt" }, ["/JWT_TYP"]],
    [{ ...HMAC, JWT_TYP: "logout+jwt" }, ["/JWT_TYP"]],
    [{ ...HMAC, JWT_TYP: "application/DPoP+jwt" }, ["/JWT_TYP"]],
    [{ ...HMAC, JWT_ISSUER: "" }, ["/JWT_ISSUER"]],
    [{ ...HMAC, JWT_AUDIENCE: "" }, ["/JWT_AUDIENCE"]],
    [{ ...RSA, JWT_JWKS_URL: "" }, ["/JWT_JWKS_URL"]],
    [{ ...RSA, JWT_JWKS_URL: "http://issuer.test/pa55word" }, ["/JWT_JWKS_URL"]],
    [{ ...RSA, JWT_JWKS_URL: "pa55word" }, ["/JWT_JWKS_URL"]],
    [{ JWT_ALGORITHM: "ES256" }, ["/JWT_AUDIENCE", "/JWT_ISSUER", "/JWT_JWKS_URL"]],
    [{ UPSTREAM: "x", LOG_LEVEL: "y", ADMIN_TOKEN: "z" }, ["/ADMIN_TOKEN", "/LOG_LEVEL", "/UPSTREAM"]],
  ])("is named, with what would be valid and without its value: %j", (variables, paths) => {
    const parsed = readSettings(variables);
    if (parsed.ok) throw new Error("was accepted");
    expect(parsed.faults.map(({ path }) => path).toSorted()).toEqual(paths);
    for (const { message } of parsed.faults) {
      expect(message).toMatch(/\bmust\b|\brequired\b|\bexpected\b|\bis set\b/);
      expect(message).not.toMatch(/pa55word/);
    }
  });
});

describe("a misconfigured Worker", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.resetModules();
  });

  it.each(["/identify", "/health", "/api/v1/rate-limit/check"])(
    "answers 500, and gives the reason in its log but not to the client: %s",
    async (path) => {
      vi.resetModules();
      const { default: worker } = await import("../../src/index.ts");
      const request = new Request<unknown, IncomingRequestCfProperties>(`https://edge.test${path}`);
      const errors = vi.spyOn(console, "error").mockReturnValue();
      const misconfigured = { ...env, ADMIN_TOKEN: "pa55word" };
      const response = await worker.fetch(request, misconfigured, createExecutionContext());
      const shown = await response.clone().text();
      expect(await problemOf(response)).toMatchObject({ status: 500, code: "internal_error" });
      expect(shown).not.toMatch(/ADMIN_TOKEN|pa55word/);
      expect(errors).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/misconfigured.*\/ADMIN_TOKEN/));
      expect(JSON.stringify(errors.mock.calls)).not.toContain("pa55word");
    },
  );

  it("serves as soon as its settings are valid", async () => {
    vi.resetModules();
    const { default: worker } = await import("../../src/index.ts");
    const request = new Request<unknown, IncomingRequestCfProperties>("https://edge.test/health");
    const response = await worker.fetch(request, env, createExecutionContext());
    expect(await response.json()).toMatchObject({ status: "ok", checks: { policy: "ok", limiter: "ok" } });
  });
});
