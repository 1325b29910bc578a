/** Guesses of admin tokens: the limiter itself counts them per address, and correct tokens cost nothing. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compilePolicy, tierOf } from "../../src/policy/compile.ts";
import { LOGIN_TIER } from "../../src/policy/built-in-tiers.ts";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import { bearer, type AdminAccess, newAddress, startAccess, tokenEntry } from "../fixtures/edge-admin.ts";
import { ADMIN_TOKEN } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

/** LOGIN_TIER's burst, and the time until one attempt is available again. */
const ATTEMPTS = 10;
const ONE_MORE_MS = 6_000;
const WRONG = "a-wrong-token-of-some-length";

beforeEach(startClock);
afterEach(stopClock);

/** Guesses until no attempt is left. */
async function useUp(access: AdminAccess, from = access.address): Promise<void> {
  for (let i = 0; i < ATTEMPTS; i++) {
    expect((await access.login(WRONG, { "CF-Connecting-IP": from })).status).toBe(401);
  }
}

describe("a wrong token", () => {
  it.each<[what: string, attempt: (access: AdminAccess) => Promise<Response>]>([
    ["at the login", (access) => access.login(WRONG)],
    ["as a bearer token", (access) => access.probe(bearer(WRONG))],
  ])("%s is 401 ten times, then 429 until an attempt is available again", async (_what, attempt) => {
    const access = await startAccess();
    for (let left = ATTEMPTS - 1; left >= 0; left--) {
      const response = await attempt(access);
      expect(response.status).toBe(401);
      expect(response.headers.get("RateLimit")).toMatch(`"login";r=${left};t=`);
    }
    const denied = await attempt(access);
    expect(denied.headers.get("Retry-After")).toBe("6");
    expect(denied.headers.get("RateLimit-Policy")).toBe('"login";q=10;w=60');
    expect(denied.headers.get("RateLimit")).toBe('"login";r=0;t=6');
    expect(await problemOf(denied)).toMatchObject({
      status: 429,
      code: "quota_exceeded",
      "violated-policies": ["login"],
    });
    later(ONE_MORE_MS - 1);
    expect((await attempt(access)).status).toBe(429);
    later(1);
    expect((await attempt(access)).status).toBe(401);
    expect((await attempt(access)).status).toBe(429);
  });

  it("is counted together at the login and as a bearer token, in all isolates", async () => {
    const [access, other] = [await startAccess(), await startAccess()];
    const from = { "CF-Connecting-IP": access.address };
    for (let i = 0; i < ATTEMPTS / 2; i++) {
      expect((await access.login(WRONG)).status).toBe(401);
      expect((await other.probe({ ...bearer(WRONG), ...from })).status).toBe(401);
    }
    expect((await access.probe(bearer(WRONG))).status).toBe(429);
    expect((await other.login(WRONG, from)).status).toBe(429);
  });

  it("does not affect other addresses", async () => {
    const access = await startAccess();
    await useUp(access);
    const elsewhere = { "CF-Connecting-IP": newAddress() };
    expect((await access.login(WRONG, elsewhere)).status).toBe(401);
    expect((await access.login(ADMIN_TOKEN, elsewhere)).status).toBe(200);
  });

  it("is counted per /64 of IPv6, and together for all requests without an address", async () => {
    const access = await startAccess();
    await useUp(access, "2001:db8:1:2::1");
    expect((await access.login(WRONG, { "CF-Connecting-IP": "2001:db8:1:2:ffff::9" })).status).toBe(429);
    expect((await access.login(WRONG, { "CF-Connecting-IP": "2001:db8:1:3::1" })).status).toBe(401);
    await useUp(access, "not an address");
    expect((await access.login(WRONG, { "CF-Connecting-IP": "another" })).status).toBe(429);
  });

  it("gets no more guesses answered than the limit allows, however many arrive at once", async () => {
    // A request that waits for another's call polls for its answer with a timer.
    stopClock();
    const access = await startAccess();
    const guesses = Array.from({ length: 50 }, () => access.login(WRONG));
    const answers = await Promise.all([...guesses, access.login(ADMIN_TOKEN)]);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(ATTEMPTS);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("the correct token", () => {
  it("costs no attempt", async () => {
    const access = await startAccess();
    for (let i = 0; i < 3 * ATTEMPTS; i++) {
      expect((await access.login(ADMIN_TOKEN)).status).toBe(200);
      expect(
        (await (await startAccess()).probe({ ...bearer(), "CF-Connecting-IP": access.address })).status,
      ).toBe(200);
    }
    await useUp(access);
  });

  it("is rejected like a wrong one while no attempt is left, so that it is not revealed", async () => {
    const access = await startAccess();
    await useUp(access);
    for (const response of [await access.login(ADMIN_TOKEN), await access.probe(bearer())]) {
      expect(response.headers.get("Retry-After")).toBe("6");
      expect((await problemOf(response)).code).toBe("quota_exceeded");
    }
    later(ONE_MORE_MS);
    expect((await access.login(ADMIN_TOKEN)).status).toBe(200);
  });

  it("keeps working for ten minutes at an address where it was used before someone else guessed", async () => {
    const access = await startAccess({
      ADMIN_TOKENS: JSON.stringify([await tokenEntry("bob", "viewer", "bobs-token")]),
    });
    expect((await access.probe(bearer())).status).toBe(200);
    await useUp(access);
    expect((await access.probe(bearer())).status).toBe(200);
    expect((await access.login(ADMIN_TOKEN)).status).toBe(200);
    // Only that token, and only from that address.
    expect((await access.probe(bearer("bobs-token"))).status).toBe(429);
    later(600_000);
    await useUp(access);
    expect((await access.probe(bearer())).status).toBe(429);
  });

  it("calls the limiter once, not with every request", async () => {
    const asked: string[] = [];
    const USER_LIMITER = objectsWith((subject) => void asked.push(subject));
    const access = await startAccess({ USER_LIMITER });
    for (let i = 0; i < 5; i++) await access.probe(bearer());
    expect(asked).toEqual([`login:${access.address}`]);
  });

  it("does not affect sessions", async () => {
    const access = await startAccess();
    const cookie = await access.session();
    await useUp(access);
    expect(await access.identify(cookie)).toBe("200 admin-token admin");
  });

  it("works while the limiter is down, and guesses are then counted in the isolate", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const USER_LIMITER = objectsWith(() => {
      throw new Error("no objects today");
    });
    const access = await startAccess({ USER_LIMITER });
    expect((await access.login(ADMIN_TOKEN)).status).toBe(200);
    const from = newAddress();
    await useUp(access, from);
    expect((await access.login(WRONG, { "CF-Connecting-IP": from })).status).toBe(429);
    expect((await access.login(ADMIN_TOKEN, { "CF-Connecting-IP": from })).status).toBe(429);
  });
});

describe("the login tier", () => {
  it("is in every policy, and no document can name it", () => {
    const compiled = compilePolicy(TEST_POLICY, 1);
    if (!compiled.ok) throw new Error("the test policy compiles");
    expect(tierOf(compiled.value, LOGIN_TIER.name)).toBe(LOGIN_TIER);
    expect(LOGIN_TIER.limits.map(({ limit }) => limit.name)).toEqual(["login"]);
    const tiers = { ...TEST_POLICY.tiers, [LOGIN_TIER.name]: { limits: [] } };
    expect(compilePolicy({ ...TEST_POLICY, tiers }, 1).ok).toBe(false);
    expect(compilePolicy({ ...TEST_POLICY, defaultTier: LOGIN_TIER.name }, 1).ok).toBe(false);
    // No account and no operation of the decision API can use it.
    expect(compiled.value.tiers.has(LOGIN_TIER.name)).toBe(false);
  });

  it("leaves nothing behind: an idle address is forgotten", async () => {
    const access = await startAccess();
    await access.login(WRONG);
    const stub = env.USER_LIMITER.getByName(`login:${access.address}`);
    await runInDurableObject(stub, () => void vi.advanceTimersByTime(1_000));
    const alarm = await runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
    expect(alarm).not.toBeNull();
    vi.setSystemTime(alarm ?? 0);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const left = await runInDurableObject(stub, (_object, { storage }) => [...storage.kv.list()]);
    expect(left).toEqual([]);
  });
});
