/**
 * G2 in tiers that lend: what one isolate does not use of its leases is not missing for its other requests. A request is denied only if
 * its limits do not hold it, by what was really admitted.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Conditions, schedules } from "./conditions.ts";
import { unfoundedDenials } from "./denials.ts";
import { request } from "./lending-events.ts";
import { LENDING } from "./policies.ts";
import type { Asked } from "./history.ts";
import { ask, leased, played, stream } from "./scripted.ts";
import { World } from "./world.ts";

const RUNS = Number(process.env["WHOLE_RUNS"] ?? 60);
const SEED = Number(process.env["HISTORY_SEED"] ?? 20_261_121);

const ofOne = {
  isolate: fc.constant(0),
  route: fc.constantFrom("/one" as const, "/one" as const, "/one" as const, "/two" as const),
  leavesAfterMs: fc.constant(null),
  computesMs: fc.constant(0),
};
const busy = fc.record({
  kind: fc.constant("stream" as const),
  ask: fc.record({ ...request, ...ofOne, count: fc.constant(1) }),
  times: fc.integer({ min: 10, max: 60 }),
  everyMs: fc.constantFrom(3, 10, 25),
});
const many = fc.record({ ...request, ...ofOne, count: fc.constantFrom(1, 6, 20, 40, 80) });

const CONDITIONS: Conditions = {
  tiers: LENDING.filter((tier) => tier !== "free"),
  asks: fc.oneof(busy, many),
  fates: ["answered"],
  skewsMs: fc.constant(0),
  // So near that each request is answered within the deadline.
  travelMs: fc.nat(5),
  startMs: fc.nat(3_000_000),
  events: [],
};

it(
  `one isolate denies nothing that the limits hold, in ${RUNS} histories from seed ${SEED}`,
  { timeout: 30_000 + 500 * RUNS },
  async () => {
    let denied = 0;
    let spent = 0;
    const property = fc.asyncProperty(schedules(CONDITIONS, 8), async (schedule) => {
      // All calls take equally long, so none overtakes one that frees a lease.
      const history = await new World({ ...schedule, travels: schedule.travels.slice(0, 1) }).run();
      expect(unfoundedDenials(history, schedule.tier)).toEqual([]);
      let deniedHere = 0;
      for (const { decision, request: about } of history.asked) {
        spent += Number(decision?.source === "lease");
        deniedHere += Number(decision?.outcome === "denied" && !about.peek);
      }
      expect(history.usage.reduce((sum, row) => sum + row.denied, 0)).toBe(deniedHere);
      denied += deniedHere;
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
    expect([denied > 1_000, spent > 1_000]).toEqual([true, true]);
  },
);

it("requests of a burst that the object denies are paid by a lease that the isolate holds, without another call", async () => {
  const history = await played([...stream(2, 20), ask(10, 1), ask(0, 70)]);
  expect(unfoundedDenials(history, "leased")).toEqual([]);
  const turns = history.entries.flatMap((entry) => (entry.kind === "turn" ? entry : []));
  const cells = turns.flatMap(({ settlements }) => settlements.flatMap((settlement) => settlement.cells));
  expect(cells.reduce((sum, { withdrawn = 0 }) => sum + withdrawn, 0)).toBeGreaterThan(0);
  const asked = turns.flatMap(({ questions }) => questions.filter(({ decide }) => decide));
  expect(asked.length + leased(history).length).toBeGreaterThan(history.asked.length);
  const isDenied = ({ decision }: Asked): boolean => decision?.outcome === "denied";
  expect(history.usage[0]?.denied).toBe(history.asked.filter(isDenied).length);
});
