/**
 * `npm run bench:budget`: fails where the bundle, or what a thousand decisions take of billed operations, has grown past
 * bench/budget.json. Counts only, and times nothing. Whoever makes a figure larger on purpose changes the file in the same commit.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { counted, newcomers, since } from "./cost.ts";
import { type Budget, linesOf, parseBudget } from "./over-budget.ts";
import type { Operations } from "./price.ts";
import { countedWorker, productBundle } from "./rig-workers.ts";
import { startRig } from "./rig.ts";
import { newUser, putPolicy } from "./setup.ts";
import { gzipKbOf } from "./size.ts";

const DECISIONS = 1_000;
const NEWCOMERS = 200;
const NEWCOMERS_AT_ONCE = 8;
/** What a user's object writes when the user pauses belongs to the decisions before. */
const SETTLED_MS = 1_500;

type Who = "strict" | "leased" | "denied";
/** `finite`: refills by one a day, so that what is written depends on how often, and not on how fast. */
const TIERS: Readonly<Record<Who, string>> = { strict: "finite-strict", leased: "leased", denied: "denied" };

const most = parseBudget(JSON.parse(await readFile(join(import.meta.dirname, "budget.json"), "utf8")));
const [gzipKb, operations] = await Promise.all([productBundle().then(gzipKbOf), perThousand()]);
const lines = linesOf({ gzipKb, ...operations }, most);
for (const { figure, measured, most: limit, isOver } of lines) {
  console.log(
    `${isOver ? "OVER" : "ok  "} ${figure.padEnd(34)} ${measured.toFixed(1).padStart(8)} of ${limit}`,
  );
}
// Where workerd's pipes are still open, nothing waits for them.
process.exit(lines.some(({ isOver }) => isOver) ? 1 : 0);

async function perThousand(): Promise<Omit<Budget, "gzipKb">> {
  const rig = await startRig(await countedWorker("embedded"));
  try {
    const url = rig.url("counted");
    await putPolicy(url);
    return {
      strict: await operationsOf(url, "strict"),
      leased: await operationsOf(url, "leased"),
      denied: await operationsOf(url, "denied"),
      newcomers: perOf(await newcomers(url, NEWCOMERS, NEWCOMERS_AT_ONCE)),
    };
  } finally {
    await rig.close();
  }
}

async function operationsOf(url: string, who: Who): Promise<Budget[Who]> {
  const headers = { "X-API-Key": await newUser(url, `budget-${who}`, TIERS[who]) };
  const decide = async (): Promise<number> => {
    const response = await fetch(`${url}/identify`, { headers });
    await response.arrayBuffer();
    return response.status;
  };
  // Wakes the object and fills the caches, which is no part of a decision.
  await decide();
  const before = await counted(url);
  const expected = who === "denied" ? 429 : 200;
  // One after the other: none is combined with another, so that every call counts.
  for (let i = 0; i < DECISIONS; i++) {
    const status = await decide();
    if (status !== expected) throw new Error(`${who}: ${status} where ${expected} was expected`);
  }
  await new Promise((done) => setTimeout(done, SETTLED_MS));
  return perOf(since(before, await counted(url), DECISIONS));
}

function perOf(counts: Operations): Budget[Who] {
  const per = (name: keyof Budget[Who]): number => (counts[name] / counts.decisions) * 1_000;
  return {
    objectCalls: per("objectCalls"),
    rowsWritten: per("rowsWritten"),
    kvReads: per("kvReads"),
    hubCalls: per("hubCalls"),
    hubRows: per("hubRows"),
  };
}
