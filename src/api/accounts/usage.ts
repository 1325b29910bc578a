/** What an account has used, from the exact ledger of its object, and who has changed it. As JSON pages, or CSV. */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { periodAt } from "../../core/calendar.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { AuditEntry, UsageRow } from "../../objects/account.ts";
import { csvText } from "../csv.ts";
import { BAD_CURSOR, badQuery, cursorOf, numberOf, pageSize, readQuery } from "../query.ts";
import { pageQuery, usageQuery } from "../schemas.ts";
import { noAccount, stubOf } from "./accounts.ts";
import { ask, iso } from "../ask.ts";
import { usageCursor, usagePosition } from "./usage-cursor.ts";
import { auditView } from "./views.ts";

const DEFAULT_ROWS = 1_000;
const JSON_TYPE = "application/json";
const CSV = "text/csv";
const ANCHORED_MONTHS = [{ path: "/anchorDay", message: "needs granularity month" }];

export async function getUsage(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, usageQuery);
  if (!query.ok) return query.response;
  const { from, to, granularity = "day", anchorDay: anchor, group, format, limit, cursor } = query.value;
  if (anchor !== undefined && granularity !== "month") return badQuery(c, ANCHORED_MONTHS).response;
  const rowsOf = { granularity, anchorDay: Number(anchor ?? 1), byRoute: group === "route" };
  const position = cursor === undefined ? null : usagePosition(cursor, rowsOf);
  if (position && !position.ok) return badQuery(c, position.faults).response;
  const after = position && position.value;
  const nowMs = Date.now();
  // What was counted in this very millisecond is in it.
  const toMs = to === undefined ? nowMs + 1 : Date.parse(to);
  // A later page covers the same month as the first.
  const withinMs = after ? Date.parse(after.period) : Math.min(nowMs, toMs - 1);
  const fromMs =
    from === undefined ? periodAt("month", withinMs, rowsOf.anchorDay).startMs : Date.parse(from);
  if (fromMs >= toMs) return badQuery(c, [{ path: "/from", message: "must lie before to" }]).response;
  const count = pageSize(limit, DEFAULT_ROWS);
  const call = stubOf(c, id).usage({ fromMs, toMs, ...rowsOf, after, count: count + 1 });
  return ask<UsageRow[] | null>(c, "account", call, (found) => {
    if (!found) return noAccount(c);
    const rows = found.slice(0, count);
    const last = rows.at(-1);
    const next =
      last && found.length > count
        ? usageCursor({ period: last.period, route: last.route ?? "" }, rowsOf)
        : null;
    const wantsCsv = format === undefined ? prefersCsv(c) : format === "csv";
    if (wantsCsv) return csv(c, rows, rowsOf.byRoute, next);
    return c.json({
      account: id,
      // The ledger counts by the hour: the whole hours that the rows are made of.
      from: iso(periodAt("hour", fromMs).startMs),
      to: iso(periodAt("hour", toMs - 1).endMs),
      granularity,
      usage: rows.map(view),
      cursor: next,
    });
  });
}

export async function getAudit(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const before = query.value.cursor === undefined ? Number.MAX_SAFE_INTEGER : numberOf(query.value.cursor);
  if (before === null) return badQuery(c, BAD_CURSOR).response;
  const count = pageSize(query.value.limit);
  return ask<AuditEntry[] | null>(c, "account", stubOf(c, id).audit(before, count + 1), (found) => {
    if (!found) return noAccount(c);
    const entries = found.slice(0, count);
    const last = entries.at(-1);
    const cursor = last && found.length > count ? cursorOf(last.seq) : null;
    return c.json({ entries: entries.map(auditView), cursor });
  });
}

function prefersCsv(c: Context<AppEnv>): boolean {
  return accepts(c, { header: "Accept", supports: [JSON_TYPE, CSV], default: JSON_TYPE }) === CSV;
}

/** Without the route where rows are not by route. */
function view({ route, ...row }: UsageRow) {
  return route === null ? row : { ...row, route };
}

/** RFC 4180. The cursor of the next page goes into a Link header (RFC 8288). */
function csv(c: Context<AppEnv>, rows: readonly UsageRow[], byRoute: boolean, next: string | null): Response {
  const header = ["period", ...(byRoute ? ["route"] : []), "requests", "cost", "denied"];
  const lines = rows.map(({ period, route, requests, cost, denied }) => [
    period,
    ...(byRoute ? [route ?? ""] : []),
    requests,
    cost,
    denied,
  ]);
  const headers: Record<string, string> = { "Content-Type": `${CSV}; charset=utf-8` };
  if (next !== null) {
    const url = new URL(c.req.url);
    url.searchParams.set("cursor", next);
    headers["Link"] = `<${url.pathname}${url.search}>; rel="next"`;
  }
  return c.body(csvText(header, lines), 200, headers);
}
