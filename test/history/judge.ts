/** Checks a whole history against the guarantees G1 to G6 of the README. */
import { checkAnswers, checkLeases, checkQuestions } from "./clients.ts";
import type { History, Wrong } from "./history.ts";
import { Replay } from "./replay.ts";
import { checkAcknowledged } from "./acknowledged.ts";
import { checkFallback } from "./fallback-bound.ts";
import { Reference } from "./reference.ts";

/** The violations of guarantees in a history, as sentences; empty if there are none. */
export function violationsOf(history: History): string[] {
  const faults: string[] = [];
  const startMs = history.entries[0]?.atMs ?? 0;
  const wrong: Wrong = (guarantee, what, { atMs }) => {
    faults.push(`${guarantee} at ${atMs - startMs} ms: ${what}`);
  };
  const replay = new Replay(history, wrong);
  replay.run();
  // If the clock steps, and rates change as well, it is uncertain which time counts at which rate: then the replay alone bounds them.
  const isBounded = hasOneClock(history) || hasOneRate(history);
  const reference = new Reference(history, (guarantee, what, where) => {
    if (isBounded || guarantee !== "G1") wrong(guarantee, what, where);
  });
  reference.run();
  checkAcknowledged(history, reference, wrong);
  checkAnswers(history, wrong);
  checkQuestions(history, wrong);
  checkLeases(history, wrong);
  checkFallback(history, replay.account.tier, wrong);
  for (const fault of replay.ledger.faults(history.usage, replay.lossMilli, history.faults === 0)) {
    faults.push(`G5: ${fault}`);
  }
  // Denials that an isolate repeated are reported once or not at all.
  const repeated = history.asked.filter(({ decision }) => decision?.source === "deny-cache").length;
  const billed = history.usage.reduce((sum, { denied }) => sum + denied, 0);
  if (billed > replay.denials + repeated) {
    faults.push(
      `G5: the ledger has ${billed} denials, but only ${replay.denials} were made and ${repeated} repeated`,
    );
  }
  return faults;
}

function hasOneClock({ entries }: History): boolean {
  return entries.every(({ atMs, localMs }) => atMs === localMs);
}

/** Changes of limits' rates. */
const OF_RATES: ReadonlySet<string> = new Set(["tier", "delete", "create"]);

function hasOneRate({ entries, variants }: History): boolean {
  return (
    variants.size === 1 && !entries.some((one) => one.kind === "change" && OF_RATES.has(one.change.kind))
  );
}
