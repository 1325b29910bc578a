/**
 * `npm run bench:hot-users`: one user at 100,000 requests a second over 100 locations. How many calls a second its one object gets,
 * by the number of isolates that serve the user, leased and strict (a bound, by the round trip).
 *
 * A simulation: the isolates' leases and the object's lease desk are the product's own code; time and network are not. An object
 * takes about 1,000 calls a second (Cloudflare's soft limit), so where a column passes that, the user needs what is to its right.
 */
import { SimulatedFleet, type Arrival } from "../test/core/simulated-fleet.ts";
import { compilePolicy, type Policy } from "../src/policy/compile.ts";
import type { LimitDocument } from "../src/policy/schema.ts";

const RATE_PER_SECOND = 100_000;
/** Left out: all isolates begin at once. */
const WARM_UP_SECONDS = 1;
const SECONDS = 3;
const LOCATIONS = 100;
/** Isolates of one location that serve one user at once. */
const ISOLATES_PER_LOCATION = [0.5, 1, 2, 3, 4, 8];
/** One way, ms: from the same city to the other side of the earth, by location. */
const nearestMs = 2;
const farthestMs = 120;
/** A combined call of an isolate lasts a round trip, and the next follows at once: its calls a second are bounded by that. */
const combinedCallsOf = (isolate: number, isolates: number): number =>
  1_000 / (2 * oneWayMs(isolate, isolates) + 1);
const OBJECT_CALLS_PER_SECOND = 1_000;
const START_MS = 1_731_585_600_000;

const UNLIMITED: readonly LimitDocument[] = [];
/** A limit that the user stays below by half. */
const LIMITED: readonly LimitDocument[] = [
  { name: "second", kind: "bucket", tokens: 2 * RATE_PER_SECOND, per: "second", burst: 4 * RATE_PER_SECOND },
];

function policyOf(limits: readonly LimitDocument[]): Policy {
  const tiers = { leased: { mode: "leased", limits } };
  const compiled = compilePolicy(
    { schema: 1, tiers, routes: [], anonymousTier: "leased", defaultTier: "leased" },
    1,
  );
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

/** Isolates are spread evenly over the locations, also where there are fewer of them. */
function oneWayMs(isolate: number, isolates: number): number {
  const location = Math.floor((isolate * LOCATIONS) / Math.min(isolates, LOCATIONS)) % LOCATIONS;
  return nearestMs + ((farthestMs - nearestMs) * location) / (LOCATIONS - 1);
}

/** Requests spread evenly over time and isolates. */
function* arrivals(isolates: number, warmedUp: () => void): Generator<Arrival> {
  const total = RATE_PER_SECOND * SECONDS;
  for (let i = 0; i < total; i++) {
    if (i === RATE_PER_SECOND * WARM_UP_SECONDS) warmedUp();
    const isolate = (i * 7_919) % isolates;
    const ms = oneWayMs(isolate, isolates);
    yield {
      kind: "request",
      afterMs: 1_000 / RATE_PER_SECOND,
      isolate,
      costMilli: 1_000,
      upMs: ms,
      downMs: ms,
      fate: "answered",
    };
  }
}

function leased(limits: readonly LimitDocument[], isolates: number) {
  const fleet = new SimulatedFleet(
    policyOf(limits),
    Array.from({ length: isolates }, () => 0),
    true,
  );
  let before = { calls: 0, byLease: 0 };
  const count = () => ({ calls: fleet.calls, byLease: fleet.byLease });
  fleet.run(
    START_MS,
    arrivals(isolates, () => {
      before = count();
    }),
  );
  const after = count();
  const seconds = SECONDS - WARM_UP_SECONDS;
  const requests = RATE_PER_SECOND * seconds;
  return {
    callsPerSecond: Math.round((after.calls - before.calls) / seconds),
    byLease: (after.byLease - before.byLease) / requests,
  };
}

console.log(
  `one user, ${RATE_PER_SECOND} requests/s over ${LOCATIONS} locations, ${nearestMs} to ${farthestMs} ms away, ${SECONDS} s`,
);
const rows = ISOLATES_PER_LOCATION.map((each) => {
  const isolates = each * LOCATIONS;
  const strict = Array.from({ length: isolates }, (_, i) => combinedCallsOf(i, isolates));
  const unlimited = leased(UNLIMITED, isolates);
  const limited = leased(LIMITED, isolates);
  return {
    isolates,
    "strict calls/s (combined)": Math.round(strict.reduce((sum, calls) => sum + calls, 0)),
    "leased calls/s (no limit)": unlimited.callsPerSecond,
    "by lease (no limit)": `${(100 * unlimited.byLease).toFixed(1)} %`,
    "leased calls/s (limit)": limited.callsPerSecond,
    "by lease (limit)": `${(100 * limited.byLease).toFixed(1)} %`,
  };
});
console.table(rows);
console.log(
  `An object takes about ${OBJECT_CALLS_PER_SECOND} calls/s: docs/hot-users.md says what to do beyond.`,
);
