/** Runs the simulations of bench:hot-users and prints their table: `node bench/hot-users.ts [isolates,… [loads,…]]`. */
import { MAX_HOT_USER_CALLS } from "../targets.ts";
import { simulate } from "./simulation.ts";

const PER_SECOND = 100_000;
const WARM_UP_MS = 2_000;
const MEASURED_MS = 1_500;
const ISOLATES = numbers(process.argv[2] ?? "20,50,100,300");
/** Requests in multiples of the limit; 0: without a limit. */
const LOADS = numbers(process.argv[3] ?? "0,0.5,0.9,1,1.1,2,10");

function numbers(list: string): number[] {
  return list.split(",").map(Number);
}

/** The limit of which the requests are this multiple. */
function limitsOf(load: number) {
  if (load === 0) return [];
  const tokens = Math.round(PER_SECOND / load);
  return [{ name: "second", kind: "bucket", tokens, per: "second", burst: 2 * tokens }] as const;
}

const rows = [];
for (const isolates of ISOLATES) {
  for (const load of LOADS) {
    const { callsPerSecond, peakPerSecond, admitted, bySource, requests } = await simulate({
      perSecond: PER_SECOND,
      isolates,
      limits: limitsOf(load),
      warmUpMs: WARM_UP_MS,
      measuredMs: MEASURED_MS,
    });
    const percent = (part: number): string => `${((100 * part) / requests).toFixed(1)} %`;
    const { most, upTo } = MAX_HOT_USER_CALLS;
    const row = {
      isolates,
      load: load === 0 ? "no limit" : `${load} of the limit`,
      "calls/s": callsPerSecond,
      "busiest 0.1 s": peakPerSecond,
      admitted: percent(admitted),
      "by lease": percent(bySource.get("lease") ?? 0),
      "by object": percent(bySource.get("strict") ?? 0),
      "repeated denials": percent(bySource.get("deny-cache") ?? 0),
      overloaded: percent(bySource.get("overloaded") ?? 0),
      [`at most ${most}`]: isolates > upTo ? "-" : callsPerSecond <= most ? "met" : "MISSED",
    };
    rows.push(row);
    // Each takes seconds to a minute.
    console.error(Object.values(row).join(" | "));
    if (isolates <= upTo && callsPerSecond > most) process.exitCode = 1;
  }
}
console.table(rows);
