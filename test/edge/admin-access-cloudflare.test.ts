/** Cloudflare Access: whom its assertion admits. The header alone admits nobody. */
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ACCESS_HEADER } from "../../src/identity/admin/cloudflare-access.ts";
import { bearer, type HeaderFields, HOST, startAccess, OWN_PAGE } from "../fixtures/edge-admin.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

const TEAM = "https://team.cloudflareaccess.com";
const VARIABLES = { ACCESS_TEAM_DOMAIN: TEAM, ACCESS_AUD: "audience-of-edge-limiter" };
const CLAIMS = {
  iss: TEAM,
  aud: [VARIABLES.ACCESS_AUD],
  sub: "7335d417-61da-459d-899c-0a01c76a2f94",
  email: "ada@team.test",
  type: "app",
};

let keys: CryptoKeyPair;
let others: CryptoKeyPair;
beforeAll(async () => {
  keys = await generateKeyPair("RS256", { extractable: true });
  others = await generateKeyPair("RS256", { extractable: true });
});
afterEach(() => void vi.unstubAllGlobals());

/** Serves the team's keys; fails the test if anything else is fetched. */
async function publishKeys(status = 200): Promise<ReturnType<typeof vi.fn>> {
  // Without `alg`, so that only the deployment determines the algorithm.
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", use: "sig" };
  const fetched = vi.fn(async (url: unknown) => {
    expect(String(url)).toBe(`${TEAM}/cdn-cgi/access/certs`);
    return Response.json({ keys: [jwk] }, { status });
  });
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

interface Signing {
  readonly key?: CryptoKey | Uint8Array;
  readonly alg?: string;
  readonly exp?: number;
  /** A claim to omit. */
  readonly without?: string;
}

/** The header with an assertion valid for ten minutes. */
async function assertion(claims: JWTPayload = {}, signing: Signing = {}): Promise<HeaderFields> {
  const { key = keys.privateKey, alg = "RS256", exp = Math.floor(Date.now() / 1000) + 600 } = signing;
  const all = Object.entries({ ...CLAIMS, exp, ...claims });
  const payload = Object.fromEntries(all.filter(([name]) => name !== signing.without));
  const token = await new SignJWT(payload).setProtectedHeader({ alg, kid: "k1" }).sign(key);
  return { [ACCESS_HEADER]: token };
}

describe("the assertion of Cloudflare Access", () => {
  it("admits people by their email, as viewers", async () => {
    await publishKeys();
    const access = await startAccess(VARIABLES);
    expect(await access.identify(await assertion())).toBe("200 ada@team.test viewer");
    expect(await access.identify(await assertion(), "operator")).toBe("403");
  });

  it("works without a configured admin token", async () => {
    await publishKeys();
    const access = await startAccess({ ...VARIABLES, ADMIN_TOKEN: "" });
    expect(await access.identify(await assertion())).toBe("200 ada@team.test viewer");
    expect(await access.identify({ ...(await assertion()), Cookie: "__Secure-el_session=x.y" })).toBe("401");
    expect(await problemCode(await access.login("a-wrong-token-of-some-length"))).toBe("503 not_configured");
  });

  it("grants the role that the deployment configures", async () => {
    await publishKeys();
    const access = await startAccess({ ...VARIABLES, ACCESS_ROLE: "admin" });
    expect(await access.identify(await assertion(), "admin")).toBe("200 ada@team.test admin");
  });

  it("names a service by its common name, and callers with neither email nor common name by the subject", async () => {
    await publishKeys();
    const access = await startAccess(VARIABLES);
    const noEmail = { without: "email" };
    const service = await assertion({ sub: "", common_name: "e367826f.access" }, noEmail);
    expect(await access.identify(service)).toBe("200 e367826f.access viewer");
    expect(await access.identify(await assertion({}, noEmail))).toBe(`200 ${CLAIMS.sub} viewer`);
    // A value that cannot appear in a log line is not a name.
    expect(await access.identify(await assertion({ email: "ada\n@team.test" }))).toBe(
      `200 ${CLAIMS.sub} viewer`,
    );
    const nameless = await assertion({ email: "é".repeat(3), sub: "a".repeat(201) });
    expect(await access.identify(nameless)).toBe("401");
  });

  it("fetches the team's keys once, not with every request", async () => {
    const fetched = await publishKeys();
    const access = await startAccess(VARIABLES);
    for (let i = 0; i < 3; i++) await access.identify(await assertion());
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  const PAST_S = Math.floor(Date.now() / 1000) - 60;
  it.each<[what: string, headers: () => Promise<HeaderFields>]>([
    ["signed with another key", () => assertion({}, { key: others.privateKey })],
    ["expired", () => assertion({}, { exp: PAST_S })],
    ["without an expiry", () => assertion({}, { without: "exp" })],
    ["valid for ever", () => assertion({}, { exp: 8.64e15 })],
    ["without an issuer", () => assertion({}, { without: "iss" })],
    ["of another team", () => assertion({ iss: "https://evil.cloudflareaccess.com" })],
    ["for another application", () => assertion({ aud: ["another"] })],
    ["for no application", () => assertion({}, { without: "aud" })],
    [
      "signed with the public key as a secret",
      async () =>
        assertion({}, { alg: "HS256", key: new TextEncoder().encode(await exportSPKI(keys.publicKey)) }),
    ],
    ["signed with another algorithm of the same key", () => rs512()],
    ["empty", async () => ({ [ACCESS_HEADER]: "" })],
    ["not a token", async () => ({ [ACCESS_HEADER]: "ada@team.test" })],
  ])("is rejected if it is %s", async (_what, headers) => {
    await publishKeys();
    const response = await (await startAccess(VARIABLES)).probe(await headers());
    expect(await problemCode(response)).toBe("401 invalid_credentials");
  });

  it("is rejected as too long above 16 KiB", async () => {
    const fetched = await publishKeys();
    const access = await startAccess(VARIABLES);
    const problem = await problemOf(await access.probe({ [ACCESS_HEADER]: "x".repeat(16_385) }));
    expect(problem).toMatchObject({ status: 401, detail: expect.stringContaining("too long") });
    expect(fetched).not.toHaveBeenCalled();
  });

  it("is 503 while the team's keys are unavailable, and works again afterwards", async () => {
    const errors = vi.spyOn(console, "error").mockReturnValue();
    await publishKeys(500);
    const access = await startAccess(VARIABLES);
    const response = await access.probe(await assertion());
    expect(response.headers.get("Retry-After")).toBe("1");
    expect(await problemCode(response)).toBe("503 temporary_reduced_capacity");
    await publishKeys();
    expect(await access.identify(await assertion())).toBe("200 ada@team.test viewer");
    errors.mockRestore();
  });

  it("is ignored if Access is not configured", async () => {
    const access = await startAccess();
    expect(await access.identify(await assertion())).toBe("401");
    expect(await access.identify({ ...(await assertion()), ...bearer() })).toBe("200 admin-token admin");
  });

  it("yields to a token and to a session, valid or not", async () => {
    await publishKeys();
    const access = await startAccess(VARIABLES);
    const cookie = await access.session();
    expect(await access.identify({ ...(await assertion()), ...bearer() })).toBe("200 admin-token admin");
    expect(await access.identify({ ...(await assertion()), ...cookie })).toBe("200 admin-token admin");
    expect(await access.identify({ ...(await assertion()), ...bearer("a-wrong-token-of-some-length") })).toBe(
      "401",
    );
    expect(await access.identify({ ...(await assertion()), Cookie: "__Secure-el_session=bad" })).toBe("401");
  });

  it("does not authorize a change sent by another site, but one sent by a service", async () => {
    await publishKeys();
    const access = await startAccess({ ...VARIABLES, ACCESS_ROLE: "admin" });
    const change = async (headers: HeaderFields): Promise<number> =>
      (await access.probe({ ...(await assertion()), ...headers }, "admin", "POST")).status;
    expect(await change(OWN_PAGE)).toBe(200);
    expect(await change({ Origin: HOST })).toBe(200);
    expect(await change({})).toBe(200);
    expect(await change({ Origin: "https://evil.test" })).toBe(403);
    expect(await change({ Origin: HOST, "Sec-Fetch-Site": "cross-site" })).toBe(403);
  });
});

/** The team's own key, used with another algorithm than Access uses. */
async function rs512(): Promise<HeaderFields> {
  const key = await importJWK(await exportJWK(keys.privateKey), "RS512");
  return assertion({}, { key, alg: "RS512" });
}
