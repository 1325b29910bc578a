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
  return faults;
}
