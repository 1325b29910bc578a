/**
 * Asks the objects of a page of accounts for their open periods, at most 32 at once. An object that does not answer in time delays the others
 * by a few seconds at most, and is named.
 */
import { withDeadline } from "../../deadline.ts";
import { messageOf } from "../../log.ts";
import type { RunningAnswer, RunningPeriod } from "../../objects/billing.ts";
import { inWaves } from "../decisions/waves.ts";

export interface Deadlines {
  /** For one account. */
  readonly callMs: number;
  /** No account is asked later. */
  readonly pageMs: number;
}

const DEADLINES: Deadlines = { callMs: 2_000, pageMs: 8_000 };

export interface RunningPage<T> {
  /** In the order of the accounts. */
  readonly periods: readonly { readonly account: T; readonly running: RunningPeriod }[];
  /** Ids of accounts that did not answer, or not with a period. */
  readonly failed: readonly string[];
  /** Why the first of them did not. */
  readonly fault: string | null;
}

/** Accounts that have been deleted meanwhile are left out. */
export async function runningPage<T extends { readonly id: string }>(
  accounts: readonly T[],
  call: (id: string) => Promise<RunningAnswer>,
  { callMs, pageMs }: Deadlines = DEADLINES,
): Promise<RunningPage<T>> {
  const endsAtMs = Date.now() + pageMs;
  const found = new Map<string, RunningPeriod | null>();
  let fault: string | null = null;
  await inWaves(accounts, async ({ id }) => {
    try {
      if (Date.now() >= endsAtMs) throw new Error("others took too long");
      const answer = await withDeadline(call(id), callMs, `account "${id}"`);
      if (answer.kind === "not-billed") throw new Error(`account "${id}" is not billed`);
      found.set(id, answer.kind === "running" ? answer.running : null);
    } catch (thrown) {
      fault ??= messageOf(thrown);
    }
  });
  return {
    periods: accounts.flatMap((account) => {
      const running = found.get(account.id);
      return running ? [{ account, running }] : [];
    }),
    failed: accounts.flatMap(({ id }) => (found.has(id) ? [] : [id])),
    fault,
  };
}
