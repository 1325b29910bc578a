/** The issuer's key set: when it is fetched, how long it is kept, which of its keys are tried, and what bounds all of that. */
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { CloudflareAccess } from "../../src/identity/admin/cloudflare-access.ts";
import { type JwtSettings, JwtVerifier } from "../../src/identity/jwt.ts";

const START_MS = 1_900_000_000_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const TEAM = "https://team.cloudflareaccess.com";
const SETTINGS: JwtSettings = {
  algorithm: "ES256",
  key: { kind: "jwks", url: new URL("https://issuer.test/keys") },
  issuer: "https://issuer.test",
  audience: "edge",
  typ: null,
  tierClaim: null,
};
const VALID = { kind: "valid", user: "ada" };

const log = vi.fn();
const fetched = vi.fn<(url: unknown, init?: RequestInit) => Promise<Response>>();
let pairs: CryptoKeyPair[];
let rsa: CryptoKeyPair;

beforeAll(async () => {
  pairs = await Promise.all(
    Array.from({ length: 12 }, () => generateKeyPair("ES256", { extractable: true })),
  );
  rsa = await generateKeyPair("RS256", { extractable: true });
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: START_MS });
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  log.mockReset();
  fetched.mockReset();
});

const pair = (n: number): CryptoKeyPair => {
  const found = pairs[n];
  if (!found) throw new Error(`there is no key ${n}`);
  return found;
};
const jwk = async (n: number, fields: JWK = {}): Promise<JWK> => ({
  ...(await exportJWK(pair(n).publicKey)),
  ...fields,
});
const serve = (...keys: unknown[]) => fetched.mockImplementation(async () => Response.json({ keys }));
const fail = () => fetched.mockRejectedValue(new TypeError("network"));
const hang = () => fetched.mockImplementation(() => new Promise(() => {}));

let serial = 0;
/** A token that no cache has seen. */
async function token(key: CryptoKey, kid?: string, alg = "ES256", claims: JWTPayload = {}): Promise<string> {
  const exp = Math.floor((START_MS + 48 * HOUR) / SECOND);
  return new SignJWT({ iss: SETTINGS.issuer, aud: "edge", sub: "ada", exp, jti: `${serial++}`, ...claims })
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
    .sign(key);
}
/** Signed by the pair's key, under the name `k<n>`. */
const signed = (n: number) => token(pair(n).privateKey, `k${n}`);
/** Signed by an unpublished key, under an unknown name. */
const forged = () => token(pair(11).privateKey, `forged-${serial}`);

/** Verifies a token like a request that arrives this long after the start. */
async function verifyAt(verifier: JwtVerifier, afterMs: number, text: string) {
  vi.setSystemTime(START_MS + afterMs);
  return verifier.verify(text, Date.now());
}

async function withKeys(...keys: unknown[]): Promise<JwtVerifier> {
  serve(...keys);
  const verifier = new JwtVerifier(SETTINGS, log);
  expect(await verifyAt(verifier, 0, await signed(0))).toMatchObject(VALID);
  fetched.mockClear();
  return verifier;
}

describe("while the issuer's keys cannot be fetched", () => {
  it.each<[what: string, broken: () => void]>([
    ["refuses connections", fail],
    ["answers 500", () => fetched.mockImplementation(async () => new Response("", { status: 500 }))],
    ["answers a page", () => fetched.mockImplementation(async () => new Response("<html>"))],
    [
      "redirects",
      () => fetched.mockImplementation(async () => Response.redirect("https://other.test/", 302)),
    ],
    ["answers too much", () => serve(...Array.from({ length: 5_000 }, () => ({ kty: "x".repeat(100) })))],
  ])("tokens of known keys stay valid for twelve hours if its server %s", async (_what, broken) => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }));
    broken();
    for (const afterMs of [11 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR - SECOND]) {
      expect(await verifyAt(verifier, afterMs, await signed(0)), `${afterMs}`).toMatchObject(VALID);
    }
    expect(await verifyAt(verifier, 12 * HOUR, await signed(0))).toEqual({ kind: "unavailable" });
  });

  it("tokens of an unknown key are unavailable, not invalid: the key may be a new one", async () => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }));
    fail();
    expect(await verifyAt(verifier, MINUTE, await signed(1))).toEqual({ kind: "unavailable" });
  });

  it("fetches at most every thirty seconds while old keys are known, whatever clients send", async () => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }));
    fail();
    for (let second = 0; second < 120; second++) {
      for (const text of [await signed(0), await forged(), await signed(1)]) {
        await verifyAt(verifier, 11 * MINUTE + second * SECOND, text);
      }
    }
    expect(fetched).toHaveBeenCalledTimes(4);
    expect(log).toHaveBeenCalledTimes(4);
  });

  it("backs off while no keys are known: 1 s, 2 s, 4 s, and so on to 30 s", async () => {
    fail();
    const verifier = new JwtVerifier(SETTINGS, log);
    for (let second = 0; second < 600; second++) {
      expect(await verifyAt(verifier, second * SECOND, await forged())).toEqual({ kind: "unavailable" });
      await verifyAt(verifier, second * SECOND, await signed(0));
    }
    // At 0 twice, 1, 3, 7, 15, 31, then every 30 s.
    expect(fetched).toHaveBeenCalledTimes(7 + Math.floor((599 - 31) / 30));
    serve(await jwk(0, { kid: "k0" }));
    expect(await verifyAt(verifier, 640 * SECOND, await signed(0))).toMatchObject(VALID);
  });

  it("applies to the keys of Cloudflare Access too", async () => {
    const access = new CloudflareAccess({ teamDomain: TEAM, audience: "admin", role: "viewer" }, log);
    const assertion = () =>
      token(rsa.privateKey, "a1", "RS256", { iss: TEAM, aud: "admin", email: "ada@team.test" });
    serve({ ...(await exportJWK(rsa.publicKey)), kid: "a1" });
    const at = async (afterMs: number) => {
      vi.setSystemTime(START_MS + afterMs);
      return access.verify(await assertion(), Date.now());
    };
    expect(await at(0)).toMatchObject({ kind: "actor" });
    fail();
    for (let second = 0; second < 60; second++)
      expect(await at(11 * MINUTE + second * SECOND)).toMatchObject({ kind: "actor" });
    expect(fetched).toHaveBeenCalledTimes(3);
  });
});

describe("a fetch of the key set", () => {
  it("is shared by all requests that wait for it", async () => {
    const keys = [await jwk(0, { kid: "k0" })];
    fetched.mockImplementation(async () => {
      await scheduler.wait(150);
      return Response.json({ keys });
    });
    const verifier = new JwtVerifier(SETTINGS, log);
    const tokens = await Promise.all(Array.from({ length: 40 }, () => signed(0)));
    const results = await Promise.all(tokens.map((text) => verifier.verify(text, Date.now())));
    for (const result of results) expect(result).toMatchObject(VALID);
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("that hangs ends at its deadline for all requests that wait, and is not repeated by each", async () => {
    hang();
    const verifier = new JwtVerifier(SETTINGS, log);
    const tokens = await Promise.all(Array.from({ length: 20 }, () => signed(0)));
    vi.useRealTimers();
    const startedMs = Date.now();
    const results = await Promise.all(tokens.map((text) => verifier.verify(text, START_MS)));
    for (const result of results) expect(result).toEqual({ kind: "unavailable" });
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("whose body never ends is ended too", async () => {
    fetched.mockImplementation(
      async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
    );
    const verifier = new JwtVerifier(SETTINGS, log);
    vi.useRealTimers();
    expect(await verifier.verify(await signed(0), START_MS)).toEqual({ kind: "unavailable" });
  });

  it("does not delay tokens of known keys", async () => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }));
    hang();
    vi.setSystemTime(START_MS + 11 * MINUTE);
    const refreshing = verifier.verify(await signed(0), Date.now());
    const result = await Promise.race([verifier.verify(await signed(0), Date.now()), scheduler.wait(1_000)]);
    expect(result).toMatchObject(VALID);
    vi.useRealTimers();
    expect(await refreshing).toMatchObject(VALID);
  });

  it("whose request was cancelled delays others by at most seven seconds", async () => {
    // The runtime cancels what a request does when its client leaves: nothing of it ever resolves.
    vi.stubGlobal("setTimeout", () => 0);
    hang();
    const verifier = new JwtVerifier(SETTINGS, log);
    void verifier.verify(await signed(0), START_MS);
    await scheduler.wait(10);
    vi.unstubAllGlobals();
    vi.stubGlobal("fetch", fetched);
    serve(await jwk(0, { kid: "k0" }));
    vi.useRealTimers();
    let waitedMs = 0;
    const realTimer = setTimeout;
    // Others poll in short waits, which take no time here; deadlines are longer and stay.
    vi.stubGlobal("setTimeout", (done: () => void, ms: number) => {
      if (ms < 100) waitedMs += ms;
      return realTimer(done, ms < 100 ? 0 : ms);
    });
    expect(await verifier.verify(await signed(0), START_MS + 5)).toMatchObject(VALID);
    expect(waitedMs).toBeGreaterThan(6_000);
    expect(waitedMs).toBeLessThan(7_000);
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  it("is caused by an unknown kid at most every thirty seconds, whichever client sends it", async () => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }));
    for (let second = 0; second < 300; second++) {
      expect(await verifyAt(verifier, second * SECOND, await forged())).toEqual({ kind: "invalid" });
    }
    expect(fetched).toHaveBeenCalledTimes(9);
    expect(log).not.toHaveBeenCalled();
  });

  it("is caused by no token with another algorithm, a rejected type or an invalid kid", async () => {
    serve(await jwk(0, { kid: "k0" }));
    const verifier = new JwtVerifier(SETTINGS, log);
    const claims = { iss: SETTINGS.issuer, aud: "edge", sub: "ada", exp: START_MS / SECOND + 60 };
    for (const header of [
      { alg: "ES384", kid: "k0" },
      { alg: "ES256", kid: "k0", typ: "logout+jwt" },
      { alg: "ES256", kid: "k0", typ: 7 },
      { alg: "ES256", kid: 7 },
      { alg: "ES256", kid: null },
    ]) {
      const parts = [header, claims].map((part) => btoa(JSON.stringify(part)).replace(/=+$/, ""));
      expect(await verifier.verify(`${parts.join(".")}.c2ln`, START_MS)).toEqual({ kind: "invalid" });
    }
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe("a key", () => {
  it("that the issuer adds is found with its first token", async () => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }));
    serve(await jwk(0, { kid: "k0" }), await jwk(1, { kid: "k1" }));
    const results = await Promise.all(
      Array.from({ length: 20 }, async () => verifyAt(verifier, MINUTE, await signed(1))),
    );
    for (const result of results) expect(result).toMatchObject(VALID);
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("that the issuer withdraws is rejected after ten minutes", async () => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }), await jwk(1, { kid: "k1" }));
    serve(await jwk(1, { kid: "k1" }));
    expect(await verifyAt(verifier, 10 * MINUTE, await signed(0))).toEqual({ kind: "invalid" });
    expect(await verifyAt(verifier, 10 * MINUTE, await signed(1))).toMatchObject(VALID);
  });

  it("is found for a token without a kid by trying each that fits", async () => {
    const names = [{ kid: "k0" }, { kid: "k1" }, {}, { kid: "k3", use: "sig" }, { kid: "k4", alg: "ES256" }];
    const keys = await Promise.all(names.map((fields, n) => jwk(n, fields)));
    serve({ ...(await exportJWK(rsa.publicKey)), kid: "r" }, ...keys);
    const verifier = new JwtVerifier(SETTINGS, log);
    for (const n of keys.keys())
      expect(await verifier.verify(await token(pair(n).privateKey), START_MS), `${n}`).toMatchObject(VALID);
    expect(await verifier.verify(await token(pair(11).privateKey), START_MS)).toEqual({ kind: "invalid" });
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("is found for a kid that two keys have", async () => {
    serve(await jwk(0, { kid: "same" }), await jwk(1, { kid: "same" }));
    const verifier = new JwtVerifier(SETTINGS, log);
    for (const n of [0, 1])
      expect(await verifier.verify(await token(pair(n).privateKey, "same"), START_MS)).toMatchObject(VALID);
  });

  it("is tried for no token that names another", async () => {
    const verifier = await withKeys(await jwk(0, { kid: "k0" }), await jwk(1, { kid: "k1" }), await jwk(2));
    for (const [n, kid] of [
      [0, "k1"],
      [1, "k0"],
      [2, "k2"],
      [0, ""],
    ] as const)
      expect(await verifier.verify(await token(pair(n).privateKey, kid), START_MS)).toEqual({
        kind: "invalid",
      });
  });

  it("is one of at most ten that are tried for a token", async () => {
    const verify = vi.spyOn(crypto.subtle, "verify");
    serve(...(await Promise.all(Array.from({ length: 11 }, (_, n) => jwk(n)))));
    const verifier = new JwtVerifier(SETTINGS, log);
    expect(await verifier.verify(await token(pair(11).privateKey), START_MS)).toEqual({ kind: "invalid" });
    expect(verify).toHaveBeenCalledTimes(10);
    verify.mockRestore();
  });

  it.each<[what: string, entry: () => unknown]>([
    ["for encryption", () => jwk(1, { kid: "k1", use: "enc" })],
    ["for other operations", () => jwk(1, { kid: "k1", key_ops: ["sign"] })],
    ["of another algorithm", () => jwk(1, { kid: "k1", alg: "ES384" })],
    ["of another curve", async () => jwkOf("ES384")],
    ["of another kind", async () => ({ ...(await exportJWK(rsa.publicKey)), kid: "k1" })],
    ["off its curve", async () => ({ ...(await jwk(1, { kid: "k1" })), y: (await jwk(2)).y })],
    ["without its numbers", () => ({ kty: "EC", crv: "P-256", kid: "k1" })],
    ["with numbers that are none", () => ({ kty: "EC", crv: "P-256", kid: "k1", x: 1, y: {} })],
    ["that is private", async () => ({ ...(await exportJWK(pair(1).privateKey)), kid: "k1" })],
    ["that is a shared secret", () => ({ kty: "oct", k: "AAAA", kid: "k1", alg: "ES256" })],
    ["whose ext is no flag", () => jwk(1, { kid: "k1", ext: 1 as never })],
    ["that is no object", () => "k1"],
    ["that is null", () => null],
  ])("that cannot be used is ignored: %s", async (_what, entry) => {
    const verifier = await withKeys(await entry(), await jwk(0, { kid: "k0" }));
    expect(await verifier.verify(await signed(1), START_MS)).toEqual({ kind: "invalid" });
    expect(await verifier.verify(await signed(0), START_MS)).toMatchObject(VALID);
    expect(log).not.toHaveBeenCalled();
  });

  it.each([
    ["RS256", "that is too short", { modulusLength: 1_024 }],
    ["RS256", "of another hash", { alg: "RS512" }],
  ])(
    "that cannot be used is as if it were not there: %s %s",
    async (algorithm, _what, { modulusLength = 2_048, alg }: { modulusLength?: number; alg?: string }) => {
      const parameters = {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: "SHA-256",
      };
      const own = await crypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
      if (!("publicKey" in own)) throw new Error("no pair");
      serve({ ...(await exportJWK(own.publicKey)), kid: "weak", ...(alg && { alg }) });
      const verifier = new JwtVerifier({ ...SETTINGS, algorithm: "RS256" }, log);
      const good = await token(rsa.privateKey, "weak", algorithm);
      expect(await verifier.verify(good, START_MS)).toEqual({ kind: "invalid" });
      expect(log).not.toHaveBeenCalled();
    },
  );
});

const jwkOf = async (alg: string): Promise<JWK> => ({
  ...(await exportJWK((await generateKeyPair(alg, { extractable: true })).publicKey)),
  kid: "k1",
});

describe("a key set", () => {
  it("of more than 256 KiB is rejected without reading further, whatever length it claims", async () => {
    let sent = 0;
    const chunk = new Uint8Array(16_384).fill(32);
    fetched.mockImplementation(async () => {
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += chunk.byteLength;
          controller.enqueue(chunk.slice());
        },
      });
      return new Response(body, { headers: { "Content-Type": "application/json" } });
    });
    const verifier = new JwtVerifier(SETTINGS, log);
    expect(await verifier.verify(await signed(0), START_MS)).toEqual({ kind: "unavailable" });
    expect(sent).toBeLessThan(512 * 1_024);
    expect(log).toHaveBeenCalledExactlyOnceWith(
      "error",
      "jwt_keys_failed",
      expect.objectContaining({ error: expect.stringContaining("262144 bytes") }),
    );
  });

  it("just below 256 KiB is accepted", async () => {
    const keys = [await jwk(0, { kid: "k0" })];
    fetched.mockImplementation(async () => Response.json({ keys, filler: "x".repeat(261_500) }));
    expect(await new JwtVerifier(SETTINGS, log).verify(await signed(0), START_MS)).toMatchObject(VALID);
  });

  it("is imported once, up to a hundred keys, however many tokens come", async () => {
    const imported = vi.spyOn(crypto.subtle, "importKey");
    const first = await jwk(0, { kid: "k0" });
    const { kty, crv, x, y } = await jwk(1);
    serve(first, ...Array.from({ length: 1_000 }, (_, n) => ({ kty, crv, x, y, kid: `n${n}` })));
    const verifier = new JwtVerifier(SETTINGS, log);
    for (let n = 0; n < 20; n++) {
      expect(await verifier.verify(await signed(0), START_MS)).toMatchObject(VALID);
      expect(await verifier.verify(await forged(), START_MS)).toEqual({ kind: "invalid" });
    }
    expect(imported).toHaveBeenCalledTimes(100);
    imported.mockRestore();
  });

  it.each([{}, { keys: {} }, { keys: "none" }, [], null, 7])(
    "is rejected if it is not a key set: %j",
    async (body) => {
      fetched.mockImplementation(async () => Response.json(body));
      expect(await new JwtVerifier(SETTINGS, log).verify(await signed(0), START_MS)).toEqual({
        kind: "unavailable",
      });
    },
  );

  it("without a key rejects every token", async () => {
    serve();
    expect(await new JwtVerifier(SETTINGS, log).verify(await signed(0), START_MS)).toEqual({
      kind: "invalid",
    });
    expect(log).not.toHaveBeenCalled();
  });
});
