/**
 * `npm run bench:hot-users`: simulates one user with 100,000 requests a second over 100 locations. Prints the calls a second that
 * the user's object receives, by the number of isolates that serve the user: leased, and strict (an upper bound from round trips).
 *
 * The isolates' leases and the object's lease desk are the product's own code; time and network are simulated. An object handles
 * about 1,000 calls a second (Cloudflare's soft limit). Above that, see docs/hot-users.md.
 */
import { SimulatedFleet, type Arrival } from "../test/core/simulated-fleet.ts";
import { compilePolicy, type Policy } from "../src/policy/compile.ts";
import type { LimitDocument } from "../src/policy/schema.ts";

const RATE_PER_SECOND = 100_000;
/** Not counted, since all isolates start at once. */
const WARM_UP_SECONDS = 1;
const SECONDS = 3;
const LOCATIONS = 100;
/** Concurrent isolates per location that serve the user. */
const ISOLATES_PER_LOCATION = [0.5, 1, 2, 3, 4, 8];
/** One-way latencies: from the same city to the other side of the earth. */
const nearestMs = 2;
const farthestMs = 120;
/** The bound of an isolate's combined calls a second: each takes a round trip, and the next follows at once. */
const combinedCallsOf = (isolate: number, isolates: number): number =>
  1_000 / (2 * oneWayMs(isolate, isolates) + 1);
const OBJECT_CALLS_PER_SECOND = 1_000;
const START_MS = 1_731_585_600_000;

const UNLIMITED: readonly LimitDocument[] = [];
/** A limit of twice the user's rate. */
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

/** Isolates are spread evenly over the locations, even if there are fewer isolates than locations. */
function oneWayMs(isolate: number, isolates: number): number {
  const location = Math.floor((isolate * LOCATIONS) / Math.min(isolates, LOCATIONS)) % LOCATIONS;
  return nearestMs + ((farthestMs - nearestMs) * location) / (LOCATIONS - 1);
}

/** Requests, spread evenly over time and isolates. */
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
  `Simulating one user with ${RATE_PER_SECOND} requests/s over ${LOCATIONS} locations, ${nearestMs} to ${farthestMs} ms away, for ${SECONDS} s ...`,
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
  `An object handles about ${OBJECT_CALLS_PER_SECOND} calls/s. If you need more, see docs/hot-users.md.`,
);
