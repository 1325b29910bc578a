/** Holds a whole history against the guarantees G1 to G6 of the README. */
import { checkAnswers, checkLeases, checkQuestions } from "./clients.ts";
import type { History } from "./history.ts";
import { Replay, type Wrong } from "./replay.ts";
import { checkWindows } from "./windows.ts";

/** What is wrong with a history, in words, by guarantee; nothing where all is well. */
export function faultsOf(history: History): string[] {
  const faults: string[] = [];
  const startMs = history.entries[0]?.atMs ?? 0;
  const wrong: Wrong = (guarantee, what, { atMs }) => {
    faults.push(`${guarantee} at ${atMs - startMs} ms: ${what}`);
  };
  const replay = new Replay(history, wrong);
  replay.run();
  checkAnswers(history, wrong);
  checkQuestions(history, wrong);
  checkLeases(history, replay.granted, wrong);
  checkWindows(history, replay.account.tier, wrong);
  for (const fault of replay.ledger.faults(history.usage, replay.lossMilli, history.faults === 0)) {
    faults.push(`G5: ${fault}`);
  }
  // Denials that an isolate repeated are told once, or not at all.
  const repeated = history.asked.filter(({ decision }) => decision?.source === "deny-cache").length;
  const billed = history.usage.reduce((sum, { denied }) => sum + denied, 0);
  if (billed > replay.denials + repeated) {
    faults.push(`G5: ${billed} denials in the ledger, of ${replay.denials} and ${repeated} repeated`);
  }
  return faults;
}
