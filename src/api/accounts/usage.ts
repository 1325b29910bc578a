/** What a user may use now and has used so far, from the exact counters and ledger of the user's own object. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { unitsText } from "../../analytics/unit-text.ts";
import { periodAt } from "../../core/calendar.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { unavailable } from "../../edge/problem.ts";
import { KEY_MODES } from "../../identity/key-mode.ts";
import { isUserId } from "../../identity/user-id.ts";
import { USAGE_GROUPS, type UsageGroup, type UsageRow } from "../../objects/account.ts";
import type { UserStatus } from "../../objects/user-status.ts";
import { accountOf } from "../account-of.ts";
import { ask } from "../ask.ts";
import { csvPage, wantsCsv } from "../csv.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { cursor, rangeBound, rowLimit } from "../fields.ts";
import { badQuery, pageSize, readQuery } from "../query.ts";
import { iso } from "../rfc3339.ts";
import { noAccount, stubOf } from "./account-object.ts";
import { usageCursor, usagePosition } from "./usage-cursor.ts";

const DEFAULT_ROWS = 1_000;
const ANCHORED_MONTHS = [{ path: "/anchorDay", message: "requires granularity=month" }];

/** Each set of groups, in each order: `route`, `route,unit`, `unit,route` and so on. */
const GROUPINGS = groupings([...USAGE_GROUPS]);

export const usageQuery = z.strictObject({
  from: rangeBound,
  /** Exclusive. */
  to: rangeBound,
  granularity: z.optional(z.enum(["hour", "day", "week", "month"])),
  anchorDay: z.optional(z.string().check(z.regex(/^([1-9]|[12]\d|3[01])$/, "must be 1 to 31"))),
  group: z.optional(z.enum(GROUPINGS)),
  mode: z.optional(z.enum(KEY_MODES)),
  format: z.optional(z.enum(["json", "csv"])),
  limit: rowLimit,
  cursor,
});

export const USAGE = {
  getAccountStatus: {
    method: "GET",
    path: `${ACCOUNT}/status`,
    access: "viewer",
    handler: getAccountStatus,
  },
  getUsage: {
    method: "GET",
    path: `${ACCOUNT}/usage`,
    access: "viewer",
    query: usageQuery,
    handler: getUsage,
  },
} as const satisfies Endpoints;

/** Costs nothing, writes nothing, and works for users without an account. */
async function getAccountStatus(c: Context<AppEnv>): Promise<Response> {
  return accountStatus(c, (view) => view);
}

type StatusView = Extract<UserStatus, { kind: "status" }>;

/** @param shown what the caller may see of it. */
export async function accountStatus(
  c: Context<AppEnv>,
  shown: (view: Omit<StatusView, "kind">) => object,
): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const { revision, defaultTier } = c.var.policy;
  const call = stubOf(c, id).status({ revision, tier: defaultTier, keyId: null });
  return ask<UserStatus>(c, "limiter", call, (answer) => {
    if (answer.kind === "revoked") return noAccount(c);
    const { kind: _kind, ...view } = answer;
    return c.json({ user: id, ...shown(view) });
  });
}

export async function getUsage(c: Context<AppEnv>): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, usageQuery);
  if (!query.ok) return query.response;
  const {
    from,
    to,
    granularity = "day",
    anchorDay: anchor,
    group,
    mode,
    format,
    limit,
    cursor: at,
  } = query.value;
  if (anchor !== undefined && granularity !== "month") return badQuery(c, ANCHORED_MONTHS).response;
  const groups = new Set<string>(group?.split(","));
  const by = USAGE_GROUPS.filter((name) => groups.has(name));
  const rowsOf = { granularity, anchorDay: Number(anchor ?? 1), by, keyMode: mode ?? null };
  const position = at === undefined ? null : usagePosition(at, rowsOf);
  if (position && !position.ok) return badQuery(c, position.faults).response;
  const after = position && position.value;
  const nowMs = Date.now();
  // Includes what was counted in this very millisecond.
  const toMs = to === undefined ? nowMs + 1 : Date.parse(to);
  // By default, later pages cover the same month as the first.
  const withinMs = after ? Date.parse(after.period) : Math.min(nowMs, toMs - 1);
  const fromMs =
    from === undefined ? periodAt("month", withinMs, rowsOf.anchorDay).startMs : Date.parse(from);
  if (fromMs >= toMs) return badQuery(c, [{ path: "/from", message: "must be before to" }]).response;
  const count = pageSize(limit, DEFAULT_ROWS);
  const byRoute = by.includes("route");
  const call = stubOf(c, id).usage({ fromMs, toMs, ...rowsOf, byRoute, after, count: count + 1 });
  return ask<UsageRow[] | null>(c, "account", call, (found) => {
    if (!found) return noAccount(c);
    if (!found.every((row) => isGrouped(row, by))) {
      return unavailable(
        "This grouping is not available during an update. Retry in a few minutes.",
        c.var.requestId,
      );
    }
    const rows = found.slice(0, count);
    const last = rows.at(-1);
    const next =
      last && found.length > count ? usageCursor({ ...last, route: last.route ?? "" }, rowsOf) : null;
    if (wantsCsv(c, format)) return usageCsv(c, rows, by, next);
    return c.json({
      account: id,
      // The ledger counts by the hour, so the rows cover whole hours.
      from: iso(periodAt("hour", fromMs).startMs),
      to: iso(periodAt("hour", toMs - 1).endMs),
      granularity,
      usage: rows.map(rowView),
      cursor: next,
    });
  });
}

/** Every selection of the names, in every order, joined by commas. Typed as not empty, for the schema. */
function groupings(names: readonly UsageGroup[]): readonly [string, ...string[]] {
  const all = names.flatMap((name) => {
    const others = names.filter((other) => other !== name);
    return [name, ...(others.length > 0 ? groupings(others) : []).map((rest) => `${name},${rest}`)];
  });
  const [first = "", ...more] = all;
  return [first, ...more];
}

/** Whether the object has grouped by these: older versions leave unknown ones out. */
function isGrouped(row: UsageRow, by: readonly UsageGroup[]): boolean {
  return by.every((group) => typeof row[group] === "string");
}

/** Omits the route unless rows are grouped by it. */
function rowView({ route, ...row }: UsageRow) {
  return route === null ? row : { ...row, route };
}

function usageCsv(
  c: Context<AppEnv>,
  rows: readonly UsageRow[],
  by: readonly UsageGroup[],
  next: string | null,
): Response {
  const byUnit = by.includes("unit");
  const header = ["period", ...by, "requests", "cost", "denied", ...(byUnit ? [] : ["units"])];
  const lines = rows.map(({ period, requests, cost, denied, units = {}, ...row }) => [
    period,
    ...by.map((group) => row[group] ?? ""),
    requests,
    cost,
    denied,
    ...(byUnit ? [] : [unitsText(Object.entries(units))]),
  ]);
  return csvPage(c, header, lines, next);
}
