/** Invoices and credit notes of all accounts, from the registers that number them, and their rebuild from the accounts. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { DOCUMENT_KINDS } from "../../billing/invoice-document.ts";
import { formatMinor } from "../../billing/money.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { userIdSchema } from "../../identity/user-id.ts";
import {
  DOCUMENTS_MARK_PREFIX,
  INVOICE_STATUSES,
  type NumberedEntry,
  overviewOf,
  type RebuiltSeries,
  type RegisteredDocument,
  registerOf,
  type RegisterOverview,
  type RegisterPage,
  type RegisterPosition,
  seriesName,
} from "../../objects/billing-register.ts";
import { stubOf } from "../accounts/account-object.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { cursor, pageLimit, rangeBound } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, pageSize, positionOf, readQuery } from "../query.ts";
import { iso, isoOrNull } from "../rfc3339.ts";

/** The series of a policy without one, or without billing. */
const DEFAULT_SERIES = "INV";

/** Accounts rebuilt by one request: each takes a call to its object. */
const REBUILD_PAGE = 25;

const documentsQuery = z.strictObject({
  /** Default: the policy's. */
  series: z.optional(z.string().check(z.regex(/^[A-Z][A-Z0-9]{0,11}$/, "is not the name of a series"))),
  kind: z.optional(z.enum(DOCUMENT_KINDS)),
  status: z.optional(z.enum(INVOICE_STATUSES)),
  account: z.optional(userIdSchema),
  from: rangeBound,
  /** Exclusive. */
  to: rangeBound,
  limit: pageLimit,
  cursor,
});

const rebuildQuery = z.strictObject({ cursor });

export const REGISTER = {
  listDocuments: {
    method: "GET",
    path: `${ADMIN}/billing/invoices`,
    access: "viewer",
    query: documentsQuery,
    handler: listDocuments,
  },
  rebuildRegister: {
    method: "POST",
    path: `${ADMIN}/billing/register/rebuild`,
    access: "admin",
    query: rebuildQuery,
    handler: rebuildRegister,
  },
} as const satisfies Endpoints;

async function listDocuments(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, documentsQuery);
  if (!query.ok) return query.response;
  const { series, kind = "invoice", status = null, account, from, to, limit, cursor: place } = query.value;
  const after = place === undefined ? null : placeOf(positionOf(place));
  if (after === "bad") return badQuery(c, BAD_CURSOR).response;
  const [fromMs, toMs] = [from, to].map((bound) => (bound === undefined ? null : Date.parse(bound)));
  const filter = { status, user: account ?? null, fromMs: fromMs ?? null, toMs: toMs ?? null };
  const name = seriesName(series ?? c.var.policy.billing?.series ?? DEFAULT_SERIES, kind);
  const stub = registerOf(c.env.BILLING_REGISTER, name);
  return ask<RegisterPage>(c, "register", stub.list(filter, after, pageSize(limit)), (page) =>
    c.json({
      series: name,
      documents: page.documents.map(documentRow),
      cursor: page.next === null ? null : cursorOf(`${page.next.epoch}.${page.next.n}`),
    }),
  );
}

/**
 * Rebuilds the registers of all series, one page of users at a time. The first request empties them, and the last one says what they have
 * now. In between they give no numbers: documents wait in their objects.
 */
async function rebuildRegister(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, rebuildQuery);
  if (!query.ok) return query.response;
  const { cursor: from } = query.value;
  const after = from === undefined ? null : positionOf(from);
  if (from !== undefined && after === null) return badQuery(c, BAD_CURSOR).response;
  return ask(c, "register", rebuildPage(c, after), ({ rebuilt, next, series }) =>
    c.json({ rebuilt, cursor: next === null ? null : cursorOf(next), series }),
  );
}

async function rebuildPage(
  c: Context<AppEnv>,
  after: string | null,
): Promise<{ rebuilt: number; next: string | null; series: readonly RebuiltSeries[] }> {
  if (after === null) await forEachSeries(c, (stub, name) => stub.beginRebuild(name));
  const { CONFIG } = c.env;
  const page = await CONFIG.list({ prefix: DOCUMENTS_MARK_PREFIX, limit: REBUILD_PAGE, cursor: after });
  const found = await Promise.all(
    page.keys.map(async ({ name }): Promise<NumberedEntry[]> =>
      stubOf(c, name.slice(DOCUMENTS_MARK_PREFIX.length)).numberedDocuments(),
    ),
  );
  const bySeries = Map.groupBy(found.flat(), ({ series, kind }) => seriesName(series, kind));
  for (const [name, entries] of bySeries) {
    await registerOf(c.env.BILLING_REGISTER, name).restore(entries);
  }
  const rebuilt = found.flat().length;
  if (!page.list_complete) return { rebuilt, next: page.cursor, series: [] };
  const series: RebuiltSeries[] = [];
  await forEachSeries(c, async (stub) => {
    const finished: RebuiltSeries | null = await stub.finishRebuild();
    if (finished) series.push(finished);
  });
  return { rebuilt, next: null, series };
}

async function forEachSeries(
  c: Context<AppEnv>,
  work: (stub: ReturnType<typeof registerOf>, name: string) => Promise<void>,
): Promise<void> {
  for (const name of await allSeries(c)) await work(registerOf(c.env.BILLING_REGISTER, name), name);
}

/** Names of the registers that have documents, and of those of the policy in force. */
export async function allSeries(c: Context<AppEnv>): Promise<string[]> {
  const known: RegisterOverview = await overviewOf(c.env.BILLING_REGISTER).overview();
  const own = c.var.policy.billing?.series ?? DEFAULT_SERIES;
  return [...new Set([...known.series, ...DOCUMENT_KINDS.map((kind) => seriesName(own, kind))])];
}

function documentRow(document: RegisteredDocument) {
  const { number, kind, id, user, currency, exponent, status } = document;
  const amount = (minor: string): string => formatMinor(BigInt(minor), exponent);
  return {
    number,
    kind,
    id,
    account: user,
    period: { start: iso(document.periodStartMs), end: iso(document.periodEndMs) },
    currency,
    total: amount(document.totalMinor),
    open: amount(document.openMinor),
    status,
    issuedAt: iso(document.issuedMs),
    dueAt: isoOrNull(document.dueMs),
  };
}

function placeOf(position: string | null): RegisterPosition | "bad" {
  const match = /^(\d{1,9})\.(\d{1,15})$/.exec(position ?? "");
  return match ? { epoch: Number(match[1]), n: Number(match[2]) } : "bad";
}
