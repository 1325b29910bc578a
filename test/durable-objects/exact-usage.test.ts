/** Durability `exact` for tiers whose limits need no write: the ledger alone must be written with every decision. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { publish, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

const SLOTS = { name: "slots", kind: "concurrency", max: 100, ttlMs: 60_000 } as const;

it.each([
  { what: "without limits", limits: [] },
  { what: "that only counts slots", limits: [SLOTS] },
])("keeps every admitted request of a tier $what, though the object is killed", async ({ limits }) => {
  const user = new UserObject(await publish({ free: { limits, durability: "exact" } }));
  for (let n = 1; n <= 5; n++) {
    await user.decideAll([{ costMilli: 1_500 }, { costMilli: 1_500 }]);
    await user.decide({ costMilli: 1_500 });
    await user.crash();
    expect((await user.status()).usage.month).toEqual({ requests: 3 * n, cost: 4.5 * n, denied: 0 });
  }
});
