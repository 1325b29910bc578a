/**
 * Policies that change a bucket's rate, in any order with requests, pauses and crashes, against a slow model: each request brings the newest
 * policy, and the time since the request before counts at the slower of the two rates.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PERIOD_MS } from "../../src/core/token-bucket.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { BilledUser, OPERATOR, stopTime } from "./billed-user.ts";

stopTime();

const RATES = [
  { tokens: 7, per: "minute", burst: 40 },
  { tokens: 60, per: "minute", burst: 50 },
  { tokens: 333, per: "hour", burst: 30 },
  { tokens: 1_000, per: "minute", burst: 45 },
  { tokens: 1, per: "day", burst: 50 },
] as const;
type Rate = (typeof RATES)[number];

function policy(rate: Rate): PolicyDocument {
  const free = {
    mode: "strict" as const,
    durability: "exact" as const,
    limits: [{ name: "rate", kind: "bucket" as const, ...rate }],
  };
  return { schema: 1, tiers: { free }, routes: [], anonymousTier: "free", defaultTier: "free" };
}

/** Tokens per millisecond. */
function perMs({ tokens, per }: Rate): number {
  return tokens / PERIOD_MS[per];
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ask: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ laterMs: fc.constantFrom(1, 7, 400, 3_000, 20_000, 600_000) }) },
  { weight: 2, arbitrary: fc.record({ rate: fc.constantFrom(...RATES) }) },
  { weight: 1, arbitrary: fc.constant("crash" as const) },
);

describe("rates that change with the policy", () => {
  it.each([
    ["an account", true],
    ["tokens alone", false],
  ])(
    "admit what the model has, to a thousandth of a token per change, for a user with %s",
    async (_, hasAccount) => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...RATES),
          fc.array(step, { maxLength: 40 }),
          async (first, steps) => {
            const user = new BilledUser(Date.UTC(2026, 0, 14));
            const revision = user.publish(policy(first));
            if (hasAccount)
              await user.object.createAccount("ann", { name: "", tier: "free" }, OPERATOR, revision);
            let [newest, inForce, owed, elapsedMs, changes] = [first as Rate, first as Rate, 0, 0, 0];
            let isDenied = false;
            for (const one of steps) {
              if (one === "crash") {
                // What denials have adopted, and when, only memory knows.
                if (!isDenied) user.crash();
              } else if ("laterMs" in one) {
                user.later(one.laterMs);
                elapsedMs += one.laterMs;
              } else if ("rate" in one) {
                newest = one.rate;
                user.publish(policy(newest));
                changes += 1;
              } else {
                owed = Math.max(0, owed - elapsedMs * Math.min(perMs(inForce), perMs(newest)));
                [inForce, elapsedMs] = [newest, 0];
                const isAllowed = await user.use(null, one.ask);
                const left = newest.burst - owed - one.ask;
                // Rounded against the user, at most by a grain per change.
                if (Math.abs(left) > (changes + 1) / 1_000) expect(isAllowed).toBe(left > 0);
                if (isAllowed) owed += one.ask;
                isDenied = !isAllowed;
              }
            }
          },
        ),
        { numRuns: 300 },
      );
    },
  );
});
