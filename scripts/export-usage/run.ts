/** One export: page after page from the product to the destination, until the pass has ended. Memory holds one page. */
import type { Destination, Job } from "./destination.ts";
import { Failure } from "./failure.ts";
import { retrying, type RetryOptions } from "./retry.ts";
import type { Page, Start } from "./source.ts";

/** Progress is reported at most so often. */
const NOTE_EVERY_MS = 2_000;

export interface ExportPlan {
  /** From the product. */
  readonly page: (start: Start, signal: AbortSignal) => Promise<Page>;
  readonly destination: Destination;
  readonly job: Job;
  /** Where to begin if there is no progress. */
  readonly start: Start;
  readonly isDryRun: boolean;
  /** For a line of progress. */
  readonly note: (line: string) => void;
  /** Ends the export between two pages. */
  readonly signal: AbortSignal;
  readonly pause?: RetryOptions["pause"];
  readonly nowMs?: () => number;
}

/** What an export has stored, or in a dry run would have. */
export interface Summary {
  readonly cells: number;
  readonly accounts: number;
  readonly requests: number;
  /** In thousandths of a token. */
  readonly costMilli: number;
  readonly denied: number;
  /** Usage before this moment is stored. */
  readonly until: string;
}

/** @throws Failure, or the signal's reason. What was written until then stays, and the next export resumes there. */
export async function exportUsage(plan: ExportPlan): Promise<Summary> {
  const { destination, job, isDryRun, note, signal, pause, nowMs = Date.now } = plan;
  const options: RetryOptions = { signal, note, ...(pause ? { pause } : {}) };
  const saved = await retrying(() => destination.open(job, isDryRun), options);
  if (saved !== null) note(`resuming from the saved progress (${destination.progressAt})`);
  let start: Start = saved === null ? plan.start : { cursor: saved };
  let [cells, accounts, requests, costMilli, denied] = [0, 0, 0, 0, 0];
  let lastAccount = "";
  let notedMs = nowMs();
  for (;;) {
    signal.throwIfAborted();
    const at = start;
    const page = await retrying(() => plan.page(at, signal), options);
    if (!page.end.done && "cursor" in at && at.cursor === page.end.cursor) {
      throw new Failure("the product sends the same page again and again: deploy its latest version");
    }
    // Not ended by the signal: it is one step.
    if (!isDryRun) await retrying(() => destination.write(page), options);
    for (const cell of page.cells) {
      if (cell.account !== lastAccount) [lastAccount, accounts] = [cell.account, accounts + 1];
      cells += 1;
      requests += cell.requests;
      costMilli += Math.round(cell.cost * 1_000);
      denied += cell.denied;
    }
    const { done, cursor, to } = page.end;
    if (done) return { cells, accounts, requests, costMilli, denied, until: to };
    if (nowMs() - notedMs >= NOTE_EVERY_MS) {
      note(`${cells} cells of ${accounts} accounts, up to ${lastAccount || "accounts without usage"}`);
      notedMs = nowMs();
    }
    start = { cursor };
  }
}
