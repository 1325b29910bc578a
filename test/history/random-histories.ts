/**
 * Whole histories of the real limiter and the real object on a simulated platform, checked against the guarantees. The same schedules
 * each time: a part of those of `npm run test:schedules`, which CI runs. `npm run test:long` runs others, from a seed that it prints.
 * `HISTORY_RUNS` is their number (of all kinds together), `HISTORY_SEED` their seed. If a schedule fails, it is printed: add it to
 * named.test.ts.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { violationsOf } from "./judge.ts";
import { CONDITIONS, schedules } from "./conditions.ts";
import { SLOTS } from "./policies.ts";
import { World } from "./world.ts";

const RUNS = Number(process.env["HISTORY_RUNS"] ?? 2_500);
const SEED = Number(process.env["HISTORY_SEED"] ?? 20_261_121);
/** Maximum number of events in a schedule: many short schedules find more than a few long ones. */
const STEPS = RUNS > 10_000 ? 40 : 10;

/** Every change that operators can make occurs. */
const CHANGES = Object.fromEntries(
  ["tier", "status", "numbers", "grant", "revoke", "reset", "key", "rotate", "delete", "create"].map(
    (kind) => [`change ${kind}`, 0.1],
  ),
);

/** The share of schedules that each kind gets, and the decisions that must occur for it to be a test, in thousandths of requests. */
const KINDS: Record<keyof typeof CONDITIONS, { part: number; atLeast: Record<string, number> }> = {
  calm: {
    part: 0.1,
    atLeast: { "allowed strict": 300, "denied strict": 150, "denied by slots": 10, "denied deny-cache": 1 },
  },
  busy: {
    part: 0.1,
    atLeast: { "blocked strict": 3, "revoked strict": 0.3, "denied strict": 100, ...CHANGES },
  },
  redefined: { part: 0.1, atLeast: { "allowed strict": 300, "denied strict": 80 } },
  rough: { part: 0.15, atLeast: { "allowed strict": 300, "denied strict": 80, "allowed fallback": 20 } },
  copies: { part: 0.05, atLeast: { "allowed strict": 300, "denied strict": 80, "allowed fallback": 20 } },
  lent: { part: 0.15, atLeast: { "allowed lease": 50, "denied strict": 10 } },
  lentChanged: { part: 0.1, atLeast: { "allowed lease": 50, "denied strict": 10, ...CHANGES } },
  lentRough: { part: 0.15, atLeast: { "allowed lease": 50, "denied strict": 10 } },
  lentSteps: { part: 0.05, atLeast: { "allowed lease": 50, "denied strict": 10 } },
  lentCopies: { part: 0.05, atLeast: { "allowed lease": 50, "denied strict": 10, "allowed fallback": 1 } },
};

/** Declares the tests of half of the kinds: those whose tiers lend to isolates, or the others. */
export function testHistories(half: "leased" | "strict"): void {
  const kinds = Object.entries(KINDS).filter(([kind]) => kind.startsWith("lent") === (half === "leased"));
  describe.each(kinds)("%s", (kind, { part, atLeast }) => {
    const conditions = CONDITIONS[kind as keyof typeof CONDITIONS];
    const numRuns = Math.ceil(RUNS * part);

    it(
      `${numRuns} histories from seed ${SEED} keep every guarantee`,
      { timeout: 60_000 + 200 * numRuns },
      async () => {
        const outcomes = new Map<string, number>();
        let requests = 0;
        const property = fc.asyncProperty(schedules(conditions, STEPS), async (schedule) => {
          const history = await new World(schedule).run();
          for (const { decision } of history.asked) {
            requests += 1;
            const outcome = decision ? `${decision.outcome} ${decision.source}` : "none";
            outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
            if (decision?.violated.includes(SLOTS.name))
              outcomes.set("denied by slots", (outcomes.get("denied by slots") ?? 0) + 1);
          }
          for (const entry of history.entries) {
            if (entry.kind !== "change") continue;
            const made = `change ${entry.change.kind}`;
            outcomes.set(made, (outcomes.get(made) ?? 0) + 1);
          }
          expect(violationsOf(history)).toEqual([]);
        });
        await fc.assert(property, { numRuns, seed: SEED });
        for (const [outcome, thousandths] of Object.entries(atLeast)) {
          const share = (1_000 * (outcomes.get(outcome) ?? 0)) / requests;
          expect(share, outcome).toBeGreaterThanOrEqual(thousandths);
        }
      },
    );
  });
}
