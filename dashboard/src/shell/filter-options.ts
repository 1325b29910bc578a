/** What filters suggest: routes and tiers that had requests, and users, the busiest first or by what was typed. Never rejects. */
import type { LoadOptions } from "../kit/use-options.ts";
import { call } from "./api-client.ts";
import { count } from "./format.ts";
import { pathAt } from "./moving-path.ts";
import { parseDenialReport, parseRouteRanking, parseTierReport, parseUserRanking } from "./rankings.ts";
import { searchUsers } from "./search-users.ts";
import { subjectName } from "./subject.ts";
import { reportPath, type TimeRange } from "./time-range.ts";

const MAX_OPTIONS = 50;

async function load<T>(path: string, parse: (body: unknown) => T | null): Promise<T | null> {
  const answer = await call("GET", pathAt(path, Date.now()), parse);
  return answer.kind === "ok" ? answer.value : null;
}

function requests(value: number): string {
  return `${count(value)} requests`;
}

/** The routes with the most requests in the range. */
export function routeOptions(range: TimeRange): LoadOptions {
  return async () => {
    const report = await load(
      reportPath("top-routes", range, { limit: String(MAX_OPTIONS) }),
      parseRouteRanking,
    );
    return (report?.routes ?? [])
      .filter(({ route }) => route !== "")
      .map((row) => ({ value: row.route, detail: requests(row.requests) }));
  };
}

/** The tiers that had requests in the range. */
export function tierOptions(range: TimeRange): LoadOptions {
  return async () => {
    const report = await load(reportPath("tiers", range, { limit: String(MAX_OPTIONS) }), parseTierReport);
    return (report?.tiers ?? [])
      .filter(({ tier }) => tier !== "")
      .map((row) => ({ value: row.tier, detail: requests(row.requests) }));
  };
}

/** The limits that denied in the range. */
export function reasonOptions(range: TimeRange): LoadOptions {
  return async () => {
    const report = await load(
      reportPath("denials", range, { limit: String(MAX_OPTIONS) }),
      parseDenialReport,
    );
    return (report?.reasons ?? []).map((row) => ({
      value: row.reason,
      detail: `${count(row.denied)} denied`,
    }));
  };
}

/** Users and addresses, as analytics names them (`user:<id>`): the busiest in the range, or the accounts that contain the text. */
export function userOptions(range: TimeRange): LoadOptions {
  return async (text) => {
    if (text !== "") {
      const found = (await searchUsers(text, MAX_OPTIONS)) ?? [];
      return found.map(({ id, name, tier }) => ({ value: `user:${id}`, label: id, detail: name || tier }));
    }
    const report = await load(
      reportPath("top-users", range, { limit: String(MAX_OPTIONS) }),
      parseUserRanking,
    );
    return (report?.users ?? [])
      .filter(({ account }) => account !== "")
      .map((row) => ({
        value: row.account,
        label: subjectName(row.account),
        detail: requests(row.requests),
      }));
  };
}
