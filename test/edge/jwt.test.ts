/** Tokens: valid only with the configured algorithm, key, issuer and audience; 503 only if that cannot be decided. */
import * as fc from "fast-check";
import {
  base64url,
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type JwtSettings, JwtVerifier } from "../../src/identity/jwt.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

const SECRET = "a shared secret of at least 32 characters";
const NOW_S = 1_900_000_000;
const CLAIMS = { sub: "ada", iss: "https://issuer.test", aud: "edge", exp: NOW_S + 60 };
const HS256: JwtSettings = {
  algorithm: "HS256",
  key: { kind: "secret", secret: SECRET },
  issuer: CLAIMS.iss,
  audience: CLAIMS.aud,
  typ: null,
  tierClaim: null,
};
const JWKS_URL = new URL("https://issuer.test/keys");
const log = vi.fn();

const bytes = (text: string) => new TextEncoder().encode(text);
const sign = (claims: JWTPayload, alg = "HS256", key: CryptoKey | Uint8Array = bytes(SECRET), kid?: string) =>
  new SignJWT(claims).setProtectedHeader({ alg, ...(kid && { kid }) }).sign(key);
/** Signs claims that JSON can say and JavaScript's own objects cannot. */
const signRaw = (claims: string) =>
  new CompactSign(bytes(claims)).setProtectedHeader({ alg: "HS256" }).sign(bytes(SECRET));
/** A token with this header and no signature worth the name. */
const unsigned = (header: object, signature = "") =>
  `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify(CLAIMS))}.${signature}`;
const verify = (token: string, settings: Partial<JwtSettings> = {}, nowS = NOW_S) =>
  new JwtVerifier({ ...HS256, ...settings }, log).verify(token, nowS * 1_000);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  log.mockClear();
});

describe("a token with a shared secret", () => {
  it("is valid if its signature and all claims are right", async () => {
    expect(await verify(await sign(CLAIMS))).toEqual({ kind: "valid", user: "ada", tier: null });
    const audiences = await sign({ ...CLAIMS, aud: ["other", "edge"] });
    expect(await verify(audiences)).toMatchObject({ kind: "valid" });
  });

  const { exp: _exp, ...withoutExp } = CLAIMS;
  const { iss: _iss, ...withoutIss } = CLAIMS;
  const { aud: _aud, ...withoutAud } = CLAIMS;
  const { sub: _sub, ...withoutSub } = CLAIMS;

  it.each<[what: string, token: () => string | Promise<string>]>([
    ["no exp", () => sign(withoutExp)],
    ["no issuer", () => sign(withoutIss)],
    ["no audience", () => sign(withoutAud)],
    ["no subject", () => sign(withoutSub)],
    ["expired", () => sign({ ...CLAIMS, exp: NOW_S - 6 })],
    ["not valid yet", () => sign({ ...CLAIMS, nbf: NOW_S + 6 })],
    ["another issuer", () => sign({ ...CLAIMS, iss: "https://evil.test" })],
    ["another audience", () => sign({ ...CLAIMS, aud: "other" })],
    ["another secret", () => sign(CLAIMS, "HS256", bytes("another secret of at least 32 characters"))],
    ["another algorithm of the family", () => sign(CLAIMS, "HS512", bytes(`${SECRET}${SECRET}`))],
    ["alg none", () => unsigned({ alg: "none" })],
    ["alg None with a signature", () => unsigned({ alg: "None" }, "c2ln")],
    ["no alg", () => unsigned({ typ: "JWT" }, "c2ln")],
    ["an alg that is a list", () => unsigned({ alg: ["HS256"] }, "c2ln")],
    ["an unknown critical extension", () => unsigned({ alg: "HS256", crit: ["x"], x: 1 }, "c2ln")],
    ["a key in its own header", () => unsigned({ alg: "HS256", jwk: { kty: "oct", k: "AA" } }, "c2ln")],
    ["no signature", async () => (await sign(CLAIMS)).replace(/[^.]*$/, "")],
    ["a subject with spaces", () => sign({ ...CLAIMS, sub: "a b" })],
    ["a subject of 201 characters", () => sign({ ...CLAIMS, sub: "a".repeat(201) })],
    ["an empty subject", () => sign({ ...CLAIMS, sub: "" })],
    [
      "an exp that is infinite",
      () => signRaw(`{"sub":"ada","iss":"${CLAIMS.iss}","aud":"edge","exp":1e400}`),
    ],
    ["an exp after the year 9999", () => sign({ ...CLAIMS, exp: 253_402_300_800 })],
    ["an exp in milliseconds", () => sign({ ...CLAIMS, exp: CLAIMS.exp * 1_000 })],
    [
      "an exp before all time",
      () => signRaw(`{"sub":"ada","iss":"${CLAIMS.iss}","aud":"edge","exp":-1e400}`),
    ],
    ["exp as a string", async () => sign(JSON.parse(JSON.stringify({ ...CLAIMS, exp: "soon" })))],
    ["longer than 16 KiB", () => sign({ ...CLAIMS, more: "x".repeat(12_288) })],
    ["not a token", () => "a.b.c"],
    ["only two dots", () => ".."],
    ["five parts, encrypted", () => "a.b.c.d.e"],
  ])("is rejected: %s", async (_what, token) => {
    expect(await verify(await token())).toEqual({ kind: "invalid" });
    expect(log).not.toHaveBeenCalled();
  });

  it("may be valid until the last second of the year 9999", async () => {
    expect(await verify(await sign({ ...CLAIMS, exp: 253_402_300_799 }))).toMatchObject({ kind: "valid" });
  });

  const typed = (typ: unknown) =>
    new SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256", typ: typ as string }).sign(bytes(SECRET));

  it.each([
    "logout+jwt",
    "LOGOUT+JWT",
    "application/logout+jwt",
    " logout+jwt",
    "logout+jwt;v=1",
    "dpop+jwt",
    "DPoP+JWT",
    "Application/dpop+JWT",
  ])("is rejected if it was signed for another purpose, whatever type is required: %s", async (typ) => {
    for (const required of [null, "at+jwt", "JWT", "logout+jwt", "dpop+jwt"])
      expect(await verify(await typed(typ), { typ: required }), `${required}`).toEqual({ kind: "invalid" });
  });

  it("has no type, JWT or at+jwt if none is required, and no other type of its kind", async () => {
    for (const typ of ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT", "Bearer"])
      expect(await verify(await typed(typ)), typ).toMatchObject({ kind: "valid" });
    for (const typ of [
      "secevent+jwt",
      "token-introspection+jwt",
      "application/oauth-authz-req+jwt",
      7,
      null,
      ["at+jwt"],
      {},
    ])
      expect(await verify(await typed(typ)), `${JSON.stringify(typ)}`).toEqual({ kind: "invalid" });
  });

  it("has the type that is required, and no other", async () => {
    for (const required of ["at+jwt", "AT+JWT", "application/at+jwt"]) {
      for (const typ of ["at+jwt", "application/at+jwt", "At+Jwt"])
        expect(await verify(await typed(typ), { typ: required }), typ).toMatchObject({ kind: "valid" });
      expect(await verify(await sign(CLAIMS), { typ: required })).toEqual({ kind: "invalid" });
      for (const typ of ["JWT", "", "id+jwt", "xat+jwt", "at+jwt+", "at"])
        expect(await verify(await typed(typ), { typ: required }), typ).toEqual({ kind: "invalid" });
    }
    expect(await verify(await typed("session+jwt"), { typ: "session+jwt" })).toMatchObject({ kind: "valid" });
  });

  it("is rejected as invalid if it is garbage, whatever the garbage", async () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((text) => base64url.encode(text)),
      fc.string(),
    );
    const garbage = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 5 }).map((parts) => parts.join(".")),
    );
    await fc.assert(
      fc.asyncProperty(garbage, async (token) => {
        expect(await verify(token)).toEqual({ kind: "invalid" });
      }),
    );
  });

  it("is accepted five seconds past its expiry, to allow for clock skew, but not six", async () => {
    const token = await sign({ ...CLAIMS, exp: NOW_S });
    expect(await verify(token, {}, NOW_S + 4)).toMatchObject({ kind: "valid" });
    expect(await verify(token, {}, NOW_S + 6)).toEqual({ kind: "invalid" });
  });

  it("sets its user's tier only by the configured claim", async () => {
    const token = await sign({ ...CLAIMS, tier: "pro", plan: 7 });
    expect(await verify(token)).toMatchObject({ tier: null });
    expect(await verify(token, { tierClaim: "tier" })).toMatchObject({ tier: "pro" });
    expect(await verify(token, { tierClaim: "plan" })).toMatchObject({ tier: null });
    expect(await verify(token, { tierClaim: "absent" })).toMatchObject({ tier: null });
    for (const tier of ["_login", "", "Pro", "a b", "a\nb", "é", "a".repeat(33)]) {
      const odd = await sign({ ...CLAIMS, tier });
      expect(await verify(odd, { tierClaim: "tier" }), tier).toMatchObject({ tier: null });
    }
  });
});

describe("a verified token", () => {
  const NOW_MS = NOW_S * 1_000;
  /** A cached result is returned at once; a verification returns a promise. */
  const isCached = (verifier: JwtVerifier, token: string, afterMs: number): boolean =>
    !(verifier.verify(token, NOW_MS + afterMs) instanceof Promise);

  it("is cached for 30 s, and an invalid one is not cached", async () => {
    const verifier = new JwtVerifier(HS256, log);
    const token = await sign({ ...CLAIMS, exp: NOW_S + 3_600 });
    const first = await verifier.verify(token, NOW_MS);
    expect(verifier.verify(token, NOW_MS + 29_999)).toEqual(first);
    expect(isCached(verifier, token, 30_000)).toBe(false);
    const bad = await sign({ ...CLAIMS, aud: "another" });
    expect(await verifier.verify(bad, NOW_MS)).toEqual({ kind: "invalid" });
    expect(isCached(verifier, bad, 0)).toBe(false);
  });

  it("is cached for no longer than it is valid", async () => {
    const verifier = new JwtVerifier(HS256, log);
    const token = await sign({ ...CLAIMS, exp: NOW_S + 1 });
    await verifier.verify(token, NOW_MS);
    expect(isCached(verifier, token, 5_999)).toBe(true);
    expect(await verifier.verify(token, NOW_MS + 6_000)).toEqual({ kind: "invalid" });
  });

  it("is not cached if it is long, and at most 5,000 are cached", async () => {
    const verifier = new JwtVerifier(HS256, log);
    const long = await sign({ ...CLAIMS, filler: "x".repeat(2_048) });
    expect(await verifier.verify(long, NOW_MS)).toMatchObject({ kind: "valid" });
    expect(isCached(verifier, long, 0)).toBe(false);
    const token = await sign({ ...CLAIMS, jti: "first" });
    await verifier.verify(token, NOW_MS);
    for (let n = 1; n < 5_000; n++) await verifier.verify(await sign({ ...CLAIMS, jti: `${n}` }), NOW_MS);
    expect(isCached(verifier, token, 0)).toBe(true);
    await verifier.verify(await sign({ ...CLAIMS, jti: "last" }), NOW_MS);
    expect(isCached(verifier, token, 0)).toBe(false);
  });
});

describe.each(["RS256", "ES256"] as const)("a token with a key set: %s", (algorithm) => {
  const settings = { algorithm, key: { kind: "jwks", url: JWKS_URL } } as const;
  const pair = generateKeyPair(algorithm, { extractable: true });
  const fetched = vi.fn<(input: unknown) => Promise<Response>>();

  /** Serves the public key under that name. */
  async function serve(kid = "k1"): Promise<void> {
    const jwk = await exportJWK((await pair).publicKey);
    fetched.mockImplementation(async () =>
      Response.json({ keys: [{ ...jwk, kid, alg: algorithm, use: "sig" }] }),
    );
  }
  const signed = async (kid = "k1") => sign(CLAIMS, algorithm, (await pair).privateKey, kid);

  beforeEach(() => {
    fetched.mockReset();
    vi.stubGlobal("fetch", fetched);
  });

  it("is valid if a key of the set signed it, and the set is fetched once", async () => {
    await serve();
    const verifier = new JwtVerifier({ ...HS256, ...settings }, log);
    for (let i = 0; i < 3; i++) {
      expect(await verifier.verify(await signed(), NOW_S * 1_000)).toMatchObject({
        kind: "valid",
        user: "ada",
      });
    }
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("is rejected if the set lacks its key", async () => {
    await serve("k2");
    expect(await verify(await signed("k1"), settings)).toEqual({ kind: "invalid" });
  });

  it("is rejected if it is signed with HS256 and the public key as the secret", async () => {
    await serve();
    const publicKey = await exportSPKI((await pair).publicKey);
    expect(await verify(await sign(CLAIMS, "HS256", bytes(publicKey), "k1"), settings)).toEqual({
      kind: "invalid",
    });
    expect(await verify(unsigned({ alg: "none", kid: "k1" }), settings)).toEqual({ kind: "invalid" });
  });

  it.each<[what: string, answer: () => Promise<Response>]>([
    ["cannot be reached", () => Promise.reject(new TypeError("network"))],
    ["answers 500", async () => new Response("", { status: 500 })],
    ["answers HTML", async () => new Response("<html>")],
    ["answers JSON that is not a key set", async () => Response.json({ keys: "none" })],
  ])("is unavailable, not invalid, if the key set's server %s", async (_what, answer) => {
    fetched.mockImplementation(answer);
    expect(await verify(await signed(), settings)).toEqual({ kind: "unavailable" });
    expect(log).toHaveBeenCalledExactlyOnceWith("error", "jwt_keys_failed", expect.anything());
  });

  it("is accepted again as soon as the key set's server is back", async () => {
    const verifier = new JwtVerifier({ ...HS256, ...settings }, log);
    fetched.mockRejectedValue(new TypeError("network"));
    expect(await verifier.verify(await signed(), NOW_S * 1_000)).toEqual({ kind: "unavailable" });
    await serve();
    expect(await verifier.verify(await signed(), NOW_S * 1_000)).toMatchObject({ kind: "valid" });
  });

  it("causes no fetch of the key set if it is malformed", async () => {
    await serve();
    for (const token of ["a.b.c", unsigned({ alg: "none" }), "x".repeat(9_000)])
      await verify(token, settings);
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe("at the gateway", () => {
  const variables = {
    JWT_ALGORITHM: "HS256",
    JWT_SECRET: SECRET,
    JWT_ISSUER: CLAIMS.iss,
    JWT_AUDIENCE: CLAIMS.aud,
  };
  const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

  beforeEach(() => vi.useFakeTimers({ toFake: ["Date"], now: NOW_S * 1_000 }));

  it("a token identifies its subject, in the tier it names if a tier claim is configured, else in the default tier", async () => {
    const token = await sign({ ...CLAIMS, sub: "auth0|jwt-1", tier: "pro" });
    const ignoring = await startEdge({ variables });
    expect((await ignoring.request("/identify", bearer(token))).headers.get("X-RateLimit-Limit")).toBe("10");
    const honouring = await startEdge({ variables: { ...variables, JWT_TIER_CLAIM: "tier" } });
    const response = await honouring.request("/identify", bearer(token));
    expect(response.headers.get("RateLimit-Policy")).toBe('"minute";q=1000;w=60');
    expect(honouring.forwarded[0]?.headers.get("X-User-Id")).toBe("auth0|jwt-1");
    expect(honouring.forwarded[0]?.headers.get("X-User-Tier")).toBe("pro");
  });

  it("a token must have the type that JWT_TYP requires", async () => {
    const edge = await startEdge({ variables: { ...variables, JWT_TYP: "at+jwt" } });
    const access = new SignJWT({ ...CLAIMS, sub: "jwt-3" }).setProtectedHeader({
      alg: "HS256",
      typ: "at+jwt",
    });
    expect((await edge.request("/identify", bearer(await access.sign(bytes(SECRET))))).status).toBe(200);
    const untyped = await edge.request("/identify", bearer(await sign({ ...CLAIMS, sub: "jwt-3" })));
    expect(await problemCode(untyped)).toBe("401 invalid_credentials");
  });

  it("a token that names an unknown tier gets the default tier", async () => {
    const edge = await startEdge({ variables: { ...variables, JWT_TIER_CLAIM: "tier" } });
    const token = await sign({ ...CLAIMS, sub: "jwt-2", tier: "__proto__" });
    expect((await edge.request("/identify", bearer(token))).headers.get("RateLimit-Policy")).toContain(
      "q=10;",
    );
  });

  it("a bad token is rejected with 401, never treated as anonymous, and a good one with 403 by the decision API", async () => {
    const edge = await startEdge({ variables });
    const expired = await sign({ ...CLAIMS, exp: NOW_S - 60 });
    expect(await problemCode(await edge.request("/identify", bearer(expired)))).toBe(
      "401 invalid_credentials",
    );
    const good = { method: "POST", body: '{"user":"x"}', ...bearer(await sign(CLAIMS)) };
    expect(await problemCode(await edge.request("/api/v1/rate-limit/check", good))).toBe("403 forbidden");
  });

  it("accepts a token of 16 KiB, and says that a longer one is too long", async () => {
    const edge = await startEdge({ variables });
    const almost = await sign({ ...CLAIMS, sub: "jwt-16k", filler: "x".repeat(12_000) });
    expect(almost.length).toBeGreaterThan(16_000);
    expect((await edge.request("/identify", bearer(almost))).status).toBe(200);
    const atBound = await problemOf(await edge.request("/identify", bearer("x".repeat(16_384))));
    expect(atBound).toMatchObject({ status: 401, detail: expect.stringContaining("not valid") });
    const beyond = await problemOf(await edge.request("/identify", bearer("x".repeat(16_385))));
    expect(beyond).toMatchObject({ status: 401, detail: expect.stringContaining("too long") });
  });

  it("a token gets 503 with Retry-After if the key set cannot be fetched", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("network")));
    const errors = vi.spyOn(console, "error").mockReturnValue();
    const { JWT_SECRET: _secret, ...others } = variables;
    const edge = await startEdge({
      variables: { ...others, JWT_ALGORITHM: "ES256", JWT_JWKS_URL: JWKS_URL.href },
    });
    const { privateKey } = await generateKeyPair("ES256");
    const response = await edge.request("/identify", bearer(await sign(CLAIMS, "ES256", privateKey, "k1")));
    expect(response.headers.get("Retry-After")).toBe("1");
    expect(await problemCode(response)).toBe("503 temporary_reduced_capacity");
    errors.mockRestore();
  });
});
