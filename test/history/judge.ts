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
  const reference = new Reference(history, wrong);
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
