/** The flood shield and the credential shield: in front of authentication, and never in the way of anyone else. */
import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { generateApiKey } from "../../src/identity/api-key.ts";
import { customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { hang, kvWith, objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith } from "../fixtures/edge-policy.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

const SECRET = "a shared secret of at least 32 characters";

/** A limit of the platform with one endless period. */
class Limit implements RateLimit {
  readonly counts = new Map<string, number>();
  readonly #max: number;
  /** What a call does instead of counting. */
  fault: (() => Promise<never>) | null = null;

  constructor(max: number) {
    this.#max = max;
  }

  async limit({ key }: RateLimitOptions): Promise<RateLimitOutcome> {
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    if (this.fault) return this.fault();
    return { success: count <= this.#max };
  }
}

interface Shielded extends Edge {
  readonly keyReads: string[];
  readonly subjects: string[];
}

async function shielded(
  limits: { FLOOD_SHIELD?: Limit; CREDENTIAL_SHIELD?: Limit },
  policy = policyWith({}),
): Promise<Shielded> {
  const keyReads: string[] = [];
  const subjects: string[] = [];
  const edge = await startEdge({
    policy,
    bindings: { ...limits },
    variables: {
      ANALYTICS_DELAY_MS: "0",
      JWT_ALGORITHM: "HS256",
      JWT_SECRET: SECRET,
      JWT_ISSUER: "us",
      JWT_AUDIENCE: "edge",
      CONFIG: kvWith((key) => void (key.startsWith("key:") && keyReads.push(key))),
      USER_LIMITER: objectsWith((subject, method) => {
        if (method === "serve" && !subject.startsWith("login:")) subjects.push(subject);
      }),
    },
  });
  return { ...edge, keyReads, subjects };
}

async function guess(edge: Edge, address: Record<string, string>, path = "/identify"): Promise<number> {
  const headers = { ...address, "X-API-Key": generateApiKey("live") };
  const { status } = await edge.request(path, { headers });
  // The shield counts after the response.
  await edge.backgroundDone();
  return status;
}

async function guesses(edge: Edge, times: number, address: Record<string, string>): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < times; i++) statuses.push(await guess(edge, address));
  return statuses;
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

describe("guessing keys from one address", () => {
  it("is 429 after the shield's number, without a key read or a signature, while a neighbor's good key goes on", async () => {
    const edge = await shielded({ CREDENTIAL_SHIELD: new Limit(3) });
    const neighbor = await customer(edge, { tier: "pro" });
    const address = newAddress();
    const token = await new SignJWT({ sub: newUser(), iss: "us", aud: "edge" })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(SECRET));
    const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });
    const asNeighbor = async (): Promise<number[]> => {
      const statuses: number[] = [];
      for (const headers of [neighbor.headers, bearer(token)]) {
        statuses.push((await edge.request("/identify", { headers: { ...address, ...headers } })).status);
      }
      return statuses;
    };
    expect(await asNeighbor()).toEqual([200, 200]);
    expect(await guesses(edge, 5, address)).toEqual([401, 401, 401, 401, 429]);
    edge.keyReads.length = 0;
    const verify = vi.spyOn(crypto.subtle, "verify");
    const digest = vi.spyOn(crypto.subtle, "digest");
    for (let i = 0; i < 20; i++) {
      const key = generateApiKey("live");
      for (const headers of [{ "X-API-Key": key }, { Authorization: `Bearer ${key}` }, bearer(`${token}x`)]) {
        expect((await edge.request("/identify", { headers: { ...address, ...headers } })).status).toBe(429);
      }
    }
    expect([edge.keyReads, verify.mock.calls, digest.mock.calls]).toEqual([[], [], []]);
    expect(await asNeighbor()).toEqual([200, 200]);
    // Even once the isolate must look them up and verify them again.
    vi.setSystemTime(Date.now() + 31_000);
    edge.keyReads.length = 0;
    await guesses(edge, 1, address);
    expect(edge.keyReads).toHaveLength(1);
    expect(await asNeighbor()).toEqual([200, 200]);
    expect(edge.keyReads).toHaveLength(2);
    // Without a credential there is nothing to guess, and another address guesses for itself.
    expect((await edge.request("/identify", { headers: address })).status).toBe(200);
    expect(await guess(edge, newAddress())).toBe(401);
  });

  it("is told what it did and when to come back, and is counted again after ten seconds", async () => {
    const edge = await shielded({ CREDENTIAL_SHIELD: new Limit(1) });
    const address = newAddress();
    await guesses(edge, 2, address);
    const response = await edge.request("/identify", {
      headers: { ...address, "X-API-Key": generateApiKey("live") },
    });
    expect(response.headers.get("Retry-After")).toBe("10");
    expect(await problemOf(response)).toMatchObject({
      status: 429,
      code: "flood",
      type: "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
    });
    vi.setSystemTime(Date.now() + 10_000);
    expect(await guesses(edge, 2, address)).toEqual([401, 429]);
  });

  it("counts on every path that takes a credential, and a /64 of IPv6 as one address", async () => {
    const edge = await shielded({ CREDENTIAL_SHIELD: new Limit(1) });
    const address = (end: string) => ({ "CF-Connecting-IP": `2001:db8:5:5::${end}` });
    expect(await guess(edge, address("1"), "/api/v1/rate-limit/status")).toBe(401);
    expect(await guess(edge, address("2"))).toBe(401);
    expect(await guess(edge, address("3"))).toBe(429);
    expect(await guess(edge, address("4"), "/api/v1/rate-limit/status")).toBe(429);
    expect(await guess(edge, { "CF-Connecting-IP": "2001:db8:5:6::1" })).toBe(401);
  });

  it("is 401 and counted nowhere while no shield is bound", async () => {
    const edge = await shielded({});
    expect(new Set(await guesses(edge, 5, newAddress()))).toEqual(new Set([401]));
  });
});

describe("a flood from one address", () => {
  it("is 429 before authentication and before any object, and other addresses go on", async () => {
    const edge = await shielded({ FLOOD_SHIELD: new Limit(2) });
    const address = newAddress();
    const send = (path = "/free/x", more = {}) => edge.request(path, { headers: { ...address, ...more } });
    expect([(await send()).status, (await send()).status]).toEqual([200, 200]);
    const forwarded = edge.forwarded.length;
    const key = { "X-API-Key": generateApiKey("live") };
    for (const response of [await send(), await send("/identify"), await send("/identify", key)]) {
      expect(await problemCode(response)).toBe("429 flood");
    }
    expect((await send("/api/v1/rate-limit/status")).status).toBe(429);
    expect([edge.keyReads, edge.subjects, edge.forwarded.length]).toEqual([[], [], forwarded]);
    expect((await edge.request("/free/x", { headers: newAddress() })).status).toBe(200);
    // Health is how a deployment is watched, and callers without an address would share one count.
    expect((await send("/health")).status).toBe(200);
    expect((await edge.request("/free/x")).status).toBe(200);
  });

  it("is let through by a rule that allows its address, and denied by one that denies it without being counted", async () => {
    const limit = new Limit(1);
    const [office, bad] = ["203.0.113.8", "198.51.100.8"];
    const policy = policyWith({
      rules: [
        { name: "office", if: { ip: [`${office}/32`] }, then: "allow" },
        { name: "bad", if: { ip: [bad] }, then: "deny" },
      ],
    });
    const edge = await shielded({ FLOOD_SHIELD: limit }, policy);
    const send = async (address: string) =>
      (await edge.request("/free/x", { headers: { "CF-Connecting-IP": address } })).status;
    expect([await send(office), await send(office), await send(office)]).toEqual([200, 200, 200]);
    expect([await send(bad), await send(bad)]).toEqual([403, 403]);
    expect([...limit.counts]).toEqual([]);
  });
});

describe("a shield that does not work", () => {
  it.each<[fault: string, fail: () => Promise<never>]>([
    ["fails", () => Promise.reject(new Error("no such namespace"))],
    ["never answers", hang],
  ])("lets everything through, and is soon no longer waited for: it %s", async (_fault, fail) => {
    const limit = new Limit(0);
    limit.fault = fail;
    const edge = await shielded({ FLOOD_SHIELD: limit, CREDENTIAL_SHIELD: limit });
    const address = newAddress();
    const send = async () => (await edge.request("/free/x", { headers: address })).status;
    for (let i = 0; i < 10; i++) expect(await send()).toBe(200);
    // Three calls open its circuit.
    expect(limit.counts.get(address["CF-Connecting-IP"])).toBe(3);
    expect(await guesses(edge, 4, address)).toEqual([401, 401, 401, 401]);
    limit.fault = null;
    vi.setSystemTime(Date.now() + 1_001);
    expect(await send()).toBe(429);
  });

  it("is a fault of the configuration if something else is bound under its name", async () => {
    const wrong = { FLOOD_SHIELD: "on" };
    await expect(startEdge({ bindings: wrong })).rejects.toThrow(/\/FLOOD_SHIELD.*\[\[ratelimits\]\]/);
  });
});
