/** What was invoiced by month, tier, route or customer, and what is left to pay, from the registers of all series. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { exponentOf } from "../../billing/currency.ts";
import { DOCUMENT_KINDS } from "../../billing/invoice-document.ts";
import { formatMinor } from "../../billing/money.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { unavailable } from "../../edge/problem.ts";
import { isOfNotes, registerOf, type RegisterStub, SUM_KEYS } from "../../objects/billing-register.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { pageLimit, rangeBound } from "../fields.ts";
import { badQuery, pageSize, readQuery } from "../query.ts";
import { spendWork } from "../work-limit.ts";
import {
  type Invoiced,
  type InvoicedSum,
  invoicedSums,
  type OutstandingSums,
  outstandingSums,
  type Register,
} from "./invoiced-sums.ts";
import { allSeries } from "./register.ts";

const DEFAULT_ROWS = 100;
/** Decimals of an amount of 0 if the currency is not known. */
const DEFAULT_EXPONENT = 2;

const invoicedQuery = z.strictObject({
  from: rangeBound,
  /** Exclusive. */
  to: rangeBound,
  by: z.optional(z.enum(SUM_KEYS)),
  kind: z.optional(z.enum(DOCUMENT_KINDS)),
  limit: pageLimit,
});

export const INVOICED = {
  reportInvoiced: {
    method: "GET",
    path: `${ADMIN}/billing/reports/invoiced`,
    access: "viewer",
    query: invoicedQuery,
    handler: reportInvoiced,
  },
} as const satisfies Endpoints;

async function reportInvoiced(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, invoicedQuery);
  if (!query.ok) return query.response;
  const { from, to, by = "month", kind, limit } = query.value;
  const [fromMs = null, toMs = null] = [from, to].map((bound) =>
    bound === undefined ? undefined : Date.parse(bound),
  );
  if (fromMs !== null && toMs !== null && fromMs >= toMs) {
    return badQuery(c, [{ path: "/from", message: "must be before to" }]).response;
  }
  const rejection = await spendWork(c, "reports", 1);
  if (rejection) return rejection;
  const call = async (): Promise<[Invoiced, OutstandingSums]> => {
    const all = await registersOf(c);
    const counted = all.filter((one) => kind === undefined || one.isOfNotes === (kind === "credit_note"));
    const range = { by, fromMs, toMs };
    return Promise.all([invoicedSums(counted, range, pageSize(limit, DEFAULT_ROWS)), outstandingSums(all)]);
  };
  return ask(c, "register", call(), ([invoiced, outstanding]) => {
    if (invoiced.isRebuilding) {
      return unavailable("The register is being rebuilt, so documents are missing.", c.var.requestId);
    }
    return c.json(answerOf(by, invoiced, outstanding, c.var.policy.billing?.currency ?? null));
  });
}

async function registersOf(c: Context<AppEnv>): Promise<Register[]> {
  const stub = (name: string): RegisterStub => registerOf(c.env.BILLING_REGISTER, name);
  return (await allSeries(c)).map((name) => ({
    isOfNotes: isOfNotes(name),
    sums: async (query) => stub(name).sums(query),
    outstanding: async () => stub(name).outstanding(),
  }));
}

/** @param ofPolicy the currency of the policy in force, if there are no documents. */
function answerOf(
  by: string,
  { rows, others, total, unknown, ...found }: Invoiced,
  { documents, openMinor, pastDueMinor }: OutstandingSums,
  ofPolicy: string | null,
) {
  const currency = found.currency ?? ofPolicy;
  const exponent = found.exponent ?? exponentOf(currency ?? "") ?? DEFAULT_EXPONENT;
  const amount = (minor: bigint): string => formatMinor(minor, exponent);
  const view = (sum: InvoicedSum) => ({
    documents: sum.documents,
    amount: amount(sum.minor),
    creditNotes: amount(sum.notesMinor),
  });
  return {
    by,
    currency,
    rows: rows.map(({ key, ...sum }) => ({ key, ...view(sum) })),
    others: others && view(others),
    total: view(total),
    unknown,
    outstanding: { documents, open: amount(openMinor), pastDue: amount(pastDueMinor) },
  };
}
