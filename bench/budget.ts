/**
 * `npm run bench:budget`: fails if the size of the bundle, or the number of billed operations per 1,000 decisions, exceeds
 * bench/budget.json. Counts only and times nothing, so it gives the same result on every machine. To raise a figure on purpose,
 * change the file in the same commit.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { counted, newcomers, since } from "./cost.ts";
import { type Measured, linesOf, parseBudget } from "./over-budget.ts";
import type { Operations } from "./price.ts";
import { countedWorker, productBundle } from "./rig-workers.ts";
import { startRig } from "./rig.ts";
import { newUser, putPolicy } from "./setup.ts";
import { DEFAULT_DELAY_MS } from "../src/analytics/batch.ts";
import { CHECKPOINT_AFTER_MS } from "../src/objects/object-call.ts";
import { gzipKbOf } from "./size.ts";

const DECISIONS = 1_000;
const NEWCOMERS = 200;
const NEWCOMERS_CONCURRENCY = 8;
/** A user's object writes its state when the user pauses. Those rows belong to the decisions before. */
const IDLE_MS = CHECKPOINT_AFTER_MS + 1_500;
/** Points of a user with a steady rate are counted too: they wait in the isolate. */
const PACED_IDLE_MS = DEFAULT_DELAY_MS + 1_000;

const AGENT = "budget";

type Caller = "allowed" | "strict" | "leased" | "denied" | "shadow" | "shadowed" | "at1" | "at10" | "at100";
/** `finite` refills by one a day, so that the rows written depend on the number of decisions, not on their speed. */
const TIERS: Readonly<Record<Caller, string>> = {
  strict: "finite-strict",
  leased: "auto",
  // A rule lets it through: it is decided without limits, but like any other user's requests.
  allowed: "auto",
  denied: "denied",
  shadow: "shadow",
  shadowed: "shadowed",
  at1: "pro",
  at10: "pro",
  at100: "pro",
};
/** Requests of a user with a steady rate, and the time between two. Others send without a pause. */
const PACE: Partial<Readonly<Record<Caller, { readonly count: number; readonly everyMs: number }>>> = {
  at1: { count: 20, everyMs: 1_000 },
  at10: { count: 100, everyMs: 100 },
  at100: { count: 500, everyMs: 10 },
};

const budget = parseBudget(JSON.parse(await readFile(join(import.meta.dirname, "budget.json"), "utf8")));
const [gzipKb, operations] = await Promise.all([productBundle().then(gzipKbOf), perThousand()]);
const lines = linesOf({ gzipKb, ...operations }, budget);
for (const { figure, measured, max, isOver } of lines) {
  console.log(
    `${isOver ? "OVER" : "ok  "} ${figure.padEnd(34)} ${measured.toFixed(1).padStart(8)} of at most ${max}`,
  );
}
const isOver = lines.some((line) => line.isOver);
if (isOver) console.error("Over budget: reduce the figures marked OVER, or raise them in bench/budget.json.");
// Exits at once, without waiting for workerd's pipes to close.
process.exit(isOver ? 1 : 0);

async function perThousand(): Promise<Omit<Measured, "gzipKb">> {
  const rig = await startRig(await countedWorker("embedded"));
  try {
    const url = rig.url("counted");
    await putPolicy(url);
    return {
      strict: await operationsOf(url, "strict"),
      leased: await operationsOf(url, "leased"),
      denied: await operationsOf(url, "denied"),
      shadow: await operationsOf(url, "shadow"),
      shadowed: await operationsOf(url, "shadowed"),
      newcomers: perOf(await newcomers(url, NEWCOMERS, NEWCOMERS_CONCURRENCY)),
      at1: await operationsOf(url, "at1"),
      at10: await operationsOf(url, "at10"),
      at100: await operationsOf(url, "at100"),
      allowed: await allowed(url),
    };
  } finally {
    await rig.close();
  }
}

/** Last, under a policy with a rule that all requests match. */
async function allowed(url: string): Promise<Measured[Caller]> {
  await putPolicy(url, [{ name: "all", if: { userAgent: [AGENT] }, then: "allow" }]);
  return operationsOf(url, "allowed");
}

async function operationsOf(url: string, caller: Caller): Promise<Measured[Caller]> {
  const headers = {
    "X-API-Key": await newUser(url, `budget-${caller}`, TIERS[caller]),
    "User-Agent": AGENT,
  };
  const decide = async (): Promise<number> => {
    const response = await fetch(`${url}/identify`, { headers });
    await response.arrayBuffer();
    return response.status;
  };
  // Wakes the object and fills the caches, which does not count.
  await decide();
  const before = await counted(url);
  const expected = caller === "denied" ? 429 : 200;
  // Sequentially, so that no calls are combined.
  const { count, everyMs } = PACE[caller] ?? { count: DECISIONS, everyMs: 0 };
  // The first of a steady rate too: soon after the one before, it would look like a busy user's.
  const fromMs = performance.now() + everyMs;
  for (let i = 0; i < count; i++) {
    const earlyMs = fromMs + i * everyMs - performance.now();
    if (earlyMs > 0) await new Promise((done) => setTimeout(done, earlyMs));
    const status = await decide();
    if (status !== expected) throw new Error(`${caller}: got ${status}, expected ${expected}`);
  }
  await new Promise((done) => setTimeout(done, everyMs > 0 ? PACED_IDLE_MS : IDLE_MS));
  return perOf(since(before, await counted(url), count));
}

function perOf(counts: Operations): Measured[Caller] {
  const per = (name: keyof Measured[Caller]): number => (counts[name] / counts.decisions) * 1_000;
  return {
    objectCalls: per("objectCalls"),
    rowsWritten: per("rowsWritten"),
    kvReads: per("kvReads"),
    hubCalls: per("hubCalls"),
    hubRows: per("hubRows"),
  };
}
