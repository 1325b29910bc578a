/** What accounts' open billing periods have come to, each asked live: a page of accounts at a time. */
import type { Context } from "hono";
import { exponentOf } from "../../billing/currency.ts";
import { formatMinor, parsePrice, roundToMinor } from "../../billing/money.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { type DirectoryEntry, directoryOf } from "../../objects/account-directory.ts";
import type { RunningPeriod } from "../../objects/billing.ts";
import { stubOf } from "../accounts/account-object.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { pageQuery } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, pageSize, positionOf, readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import { spendWork } from "../work-limit.ts";
import { runningPage } from "./running-page.ts";

const ALL = { tier: null, status: null, text: null, deleted: false } as const;
const MILLION = 1_000_000n;

export const RUNNING = {
  reportRunning: {
    method: "GET",
    path: `${ADMIN}/billing/reports/running`,
    access: "viewer",
    query: pageQuery,
    handler: reportRunning,
  },
} as const satisfies Endpoints;

async function reportRunning(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const { limit, cursor: from } = query.value;
  const after = from === undefined ? "" : positionOf(from);
  if (after === null) return badQuery(c, BAD_CURSOR).response;
  const { policy, requestId, services } = c.var;
  const { billing } = policy;
  if (billing === null) {
    const detail = "The policy in force has no billing, so no account has a billing period.";
    return problem("conflict", detail, requestId);
  }
  const rejection = await spendWork(c, "reports", 1);
  if (rejection) return rejection;
  const { currency, costPerMillion = null } = billing;
  const list = directoryOf(c.env.ACCOUNT_DIRECTORY).list(ALL, after, pageSize(limit));
  return ask(c, "account directory", list, async ({ entries, next }) => {
    const page = await runningPage(entries, async (id) => stubOf(c, id).runningPeriod(policy.revision));
    const { periods, failed, fault } = page;
    if (fault !== null) {
      services.log("warn", "report_incomplete", { requestId, failed: failed.length, error: fault });
    }
    return c.json({
      computedAt: iso(Date.now()),
      currency,
      costPerMillion,
      accounts: periods.map(({ account, running }) =>
        Object.assign(rowOf(account, running), estimateOf(running, currency, costPerMillion)),
      ),
      failed,
      cursor: next === null ? null : cursorOf(next),
    });
  });
}

function rowOf({ id, name }: DirectoryEntry, { periodStartMs, periodEndMs, ...fields }: RunningPeriod) {
  return { account: id, name, ...fields, periodStart: iso(periodStartMs), periodEnd: iso(periodEndMs) };
}

/** What the requests cost the operator by their own estimate, and what of the subtotal that leaves. Null: it is not known. */
function estimateOf(
  running: RunningPeriod,
  currency: string,
  costPerMillion: string | null,
): { cost: string | null; margin: string | null } {
  const exponent = exponentOf(currency);
  const perMillion = costPerMillion === null ? null : parsePrice(costPerMillion);
  // The estimate is an amount of the policy's currency, which an open period may not be in yet.
  if (exponent === null || perMillion === null || running.currency !== currency) {
    return { cost: null, margin: null };
  }
  const costMinor = roundToMinor(perMillion * BigInt(running.requests), exponent, MILLION);
  // It has all decimals of its currency.
  const subtotalMinor = BigInt(running.subtotal.replace(".", ""));
  return {
    cost: formatMinor(costMinor, exponent),
    margin: formatMinor(subtotalMinor - costMinor, exponent),
  };
}
