/**
 * How far analytics deviate from the exact ledgers: the same hours of the busiest accounts, from each account's own object and from
 * analytics. Differences were sampled, dropped, or are older than analytics' retention. Addresses are compared only if analytics store them
 * in full: nobody's ledger is that of a prefix.
 */
import type { AnswerHead, LedgerFigures, ReportBodies } from "../../analytics/reports/report-answer.ts";
import { thousandths } from "../../analytics/reports/report-parts.ts";
import type { ReportQuery } from "../../analytics/reports/report-query.ts";
import type { Services } from "../../edge/services.ts";

/** The hours in MAX_RANGE_MS. */
const MAX_HOURS = 93 * 24;

export interface Difference {
  readonly count: number;
  /** Of the ledger's figure; null if that is 0 and analytics' is not. */
  readonly percent: number | null;
}

export interface Drift {
  readonly ledger: LedgerFigures;
  readonly analytics: LedgerFigures;
  /** Analytics' figure minus the ledger's. */
  readonly difference: Readonly<Record<keyof LedgerFigures, Difference>>;
}

export type DriftAnswer = AnswerHead & {
  readonly report: "ledger-drift";
  readonly accounts: readonly (Drift & { readonly account: string })[];
  /** Over the accounts listed. */
  readonly total: Drift;
};

type Analytics = AnswerHead & { readonly report: "ledger-drift" } & ReportBodies["ledger-drift"];

/** Asks all accounts' objects at once. Rejects if one does not answer; the caller sets the deadline. */
export async function driftOf(
  services: Services,
  query: ReportQuery,
  answer: Analytics,
): Promise<DriftAnswer> {
  const { account } = query.filters;
  // An account that analytics do not know drifts most.
  const listed =
    account !== undefined && answer.accounts.length === 0
      ? [{ account, requests: 0, cost: 0, denied: 0 }]
      : answer.accounts.filter((found) => found.account !== "");
  const isWhole = services.settings.addressDetail === "full";
  const accounts = await Promise.all(
    listed
      .filter(({ account: subject }) => isWhole || !subject.startsWith("ip:"))
      .map(async ({ account: subject, ...analytics }) => {
        const ledger = await ledgerOf(services, subject, query);
        return Object.assign({ account: subject }, compared(ledger, analytics));
      }),
  );
  const sum = (side: "ledger" | "analytics"): LedgerFigures =>
    accounts.reduce<LedgerFigures>((all, drift) => added(all, drift[side]), NOTHING);
  return { ...answer, accounts, total: compared(sum("ledger"), sum("analytics")) };
}

const NOTHING: LedgerFigures = { requests: 0, cost: 0, denied: 0 };

async function ledgerOf(
  { limiter, settings }: Services,
  subject: string,
  query: ReportQuery,
): Promise<LedgerFigures> {
  const { fromMs, toMs } = query;
  const hours = { fromMs, toMs, granularity: "hour", anchorDay: 1, byRoute: false, after: null } as const;
  const rows = await limiter.stub(subject, settings.accountHome).usage({ ...hours, count: MAX_HOURS });
  return (rows ?? []).reduce<LedgerFigures>(added, NOTHING);
}

function added(a: LedgerFigures, b: LedgerFigures): LedgerFigures {
  return {
    requests: a.requests + b.requests,
    cost: thousandths(a.cost + b.cost),
    denied: a.denied + b.denied,
  };
}

function compared(ledger: LedgerFigures, analytics: LedgerFigures): Drift {
  const difference = (figure: keyof LedgerFigures): Difference => {
    const count = thousandths(analytics[figure] - ledger[figure]);
    if (ledger[figure] === 0) return { count, percent: count === 0 ? 0 : null };
    return { count, percent: thousandths((100 * count) / ledger[figure]) };
  };
  return {
    ledger,
    analytics,
    difference: { requests: difference("requests"), cost: difference("cost"), denied: difference("denied") },
  };
}
