/** An isolate's memory under made-up users, keys and addresses: it fills its caches and then stops growing. */
import { scheduler } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import { pathnameOf } from "../../src/edge/url-parts.ts";
import { clientIp } from "../../src/identity/client-ip.ts";
import { KeyStore } from "../../src/identity/key-store.ts";
import { Limiter } from "../../src/limiter/limiter.ts";
import type { ObjectAnswer, RepeatedAnswer, ObjectCall } from "../../src/objects/object-call.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { embeddedPolicy } from "../../src/policy/policy-store.ts";

const MB = 2 ** 20;
/** Enough entries to fill the caches, so that memory must not grow after them. */
const FULL = 11_000;
/** Total number of made-up entries. `HOSTILE_KEYS=1000000 npm run test:core -- memory` takes 90 seconds. */
const COUNT = Number(process.env["HOSTILE_KEYS"] ?? 24_000);
/** After this time no call is in flight. */
const REST_MS = 150;
const policy = embeddedPolicy();

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

function usedBytes(): number {
  if (typeof collect !== "function") throw new Error("no garbage collection");
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** How much memory grows after the first {@link FULL} calls, in MB. */
async function grownMb(each: (n: number) => unknown): Promise<number> {
  for (let n = 0; n < FULL; n++) await each(n);
  await scheduler.wait(REST_MS);
  const before = usedBytes();
  for (let n = FULL; n < COUNT; n++) await each(n);
  await scheduler.wait(REST_MS);
  return (usedBytes() - before) / MB;
}

const request: DecisionRequest = {
  revision: policy.revision,
  tier: "free",
  route: "/identify",
  costMilli: null,
  keyId: "some-key",
  peek: false,
  idempotencyKey: null,
};

/** A limiter all of whose objects give this answer. */
function limiterWith(answer: () => ObjectAnswer): Limiter {
  const serve = async ({ questions }: ObjectCall): Promise<RepeatedAnswer[]> =>
    questions.map(() => ({ answer: answer(), further: [], times: 0 }));
  const objects = { getByName: () => ({ serve }) };
  return new Limiter(
    objects as unknown as DurableObjectNamespace<UserLimiter>,
    1_000,
    () => undefined,
    new MetricDeltas(),
  );
}

function decided(outcome: "allowed" | "denied"): Decision {
  return {
    outcome,
    allowed: outcome === "allowed",
    cost: 1,
    limits: [{ name: "minute", kind: "bucket", limit: 150, remaining: 0, resetMs: 600, windowMs: 90_000 }],
    retryAfterMs: 600,
    violated: ["minute"],
    source: "strict",
    tier: "free",
    revision: policy.revision,
    decisionId: crypto.randomUUID(),
    holds: [],
  };
}

// An isolate waits for seconds until it asks for a user's checkpoint: cut short, so that none waits after REST_MS.
const hurried = { wait: (ms: number) => scheduler.wait(Math.min(ms, REST_MS / 5)) };
beforeAll(() => vi.stubGlobal("scheduler", hurried));
afterAll(() => vi.unstubAllGlobals());

describe("made-up addresses", () => {
  it("leave nothing behind", { timeout: 300_000 }, async () => {
    const grown = await grownMb((n) =>
      clientIp(
        n % 2
          ? `2001:db8:${(n >> 16).toString(16)}:${(n & 65_535).toString(16)}::1`
          : `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
      ),
    );
    expect(grown).toBeLessThan(1);
  });
});

describe("made-up users", () => {
  const waitUntil = (): void => undefined;
  const ask = (limiter: Limiter) => (n: number) =>
    limiter.decide(`user:made-up-${n}`, request, policy, 1_800_000_000_000 + n, waitUntil);

  it("that are denied leave nothing behind", { timeout: 300_000 }, async () => {
    const denying = limiterWith(() => ({ decision: decided("denied"), lease: null }));
    expect(await ask(denying)(0)).toMatchObject({ outcome: "denied", source: "strict" });
    expect(await ask(denying)(0)).toMatchObject({ outcome: "denied", source: "deny-cache" });
    expect(await grownMb(ask(denying))).toBeLessThan(2);
  });

  it("whose objects fail leave no circuit and no fallback bucket behind", { timeout: 300_000 }, async () => {
    const failing = limiterWith(() => {
      throw new Error("down");
    });
    expect(await ask(failing)(0)).toMatchObject({ source: "fallback" });
    expect(await grownMb(ask(failing))).toBeLessThan(2);
  });

  it("that are granted leases leave nothing behind", { timeout: 300_000 }, async () => {
    const lending = limiterWith(() => ({
      decision: decided("allowed"),
      lease: {
        id: crypto.randomUUID(),
        milli: 10_000,
        forMs: 50,
        revision: policy.revision,
        tier: "free",
        keyId: "some-key",
        route: null,
        limits: [],
      },
    }));
    expect(await ask(lending)(0)).toMatchObject({ outcome: "allowed", source: "strict" });
    // Leases use the isolate's own clock.
    const again = await lending.decide("user:made-up-0", request, policy, Date.now(), waitUntil);
    expect(again).toMatchObject({ outcome: "allowed", source: "lease" });
    expect(await grownMb(ask(lending))).toBeLessThan(2);
  });
});

it("made-up keys leave nothing behind", { timeout: 300_000 }, async () => {
  const kv = { get: async () => null } as unknown as KVNamespace;
  const keys = new KeyStore(kv, () => undefined);
  const grown = await grownMb((n) => keys.find(`el_live_${String(n).padStart(36, "0")}`, 1_000 + n));
  expect(grown).toBeLessThan(1);
});

it("made-up paths with long queries leave only the paths behind", { timeout: 300_000 }, () => {
  const compiled = compilePolicy(
    {
      schema: 1,
      anonymousTier: "only",
      defaultTier: "only",
      tiers: { only: { limits: [] } },
      routes: [{ match: "/users/:id" }],
    },
    1,
  );
  if (!compiled.ok) throw new Error("the policy compiles");
  const { routes } = compiled.value;
  const query = "q".repeat(16_000);
  const before = usedBytes();
  for (let n = 0; n < 10_000; n++) {
    for (const place of ["users", "nowhere"]) {
      // One flat string as in the runtime, of which the path is a slice.
      const url = Buffer.from(`https://api.example/${place}/made-up-${n}?${query}`).toString("latin1");
      routes.match("GET", pathnameOf(url));
    }
  }
  expect((usedBytes() - before) / MB).toBeLessThan(3);
  expect(routes.remembered).toBeGreaterThan(1_000);
});
