/** The list of users as the page's URL asks for it, and what its order means. Pure. */
import type { UserPage } from "../shell/answers.ts";
import { exact } from "../shell/format.ts";
import { withQuery } from "../shell/query.ts";
import { USERS } from "./users-api.ts";
import { LENGTHS, paramsOf, rangeOf, type TimeRange } from "../shell/time-range.ts";

const ROWS = 50;

type Params = Readonly<Record<string, string>>;

/** What the list can be sorted by. Figures: the largest first. */
export const SORTS = ["cost", "requests", "deniedShare", "lastSeen", "id"] as const;
export type Sort = (typeof SORTS)[number];
/** Who spends most. */
const USUAL_SORT: Sort = "cost";

/** Whom the list has: by the select's value. */
export const SHOWN = {
  "": "All users",
  account: "With an account",
  "no-account": "Without an account",
  active: "Active accounts",
  blocked: "Blocked",
  address: "Addresses without a credential",
} as const;

export function sortOf({ sort }: Params): Sort {
  return SORTS.find((known) => known === sort) ?? USUAL_SORT;
}

/** The range of the figures if the URL has none: the last day. */
export const USUAL_RANGE: TimeRange = LENGTHS[3];

export function usersRange(params: Params): TimeRange {
  return rangeOf(params, USUAL_RANGE);
}

/** The API's path for a page; the same as long as the URL is the same. */
export function usersPath(params: Params): string {
  const { name = "", tier = "", show = "", cursor = "" } = params;
  const range = usersRange(params);
  const { from, to } = paramsOf(range);
  const query = {
    search: name,
    tier,
    ...shownParams(show),
    sort: sortOf(params),
    ...(range.kind === "last" ? { last: String(range.seconds) } : { from, to }),
    limit: String(ROWS),
    cursor,
  };
  return withQuery(USERS, query);
}

function shownParams(show: string): Params {
  switch (show) {
    case "active":
      return { kind: "account", status: "active" };
    case "blocked":
      return { status: "blocked" };
    case "account":
    case "no-account":
    case "address":
      return { kind: show };
    default:
      return {};
  }
}

/** Whether the URL asks for less than all users. */
export function hasFilters({ name = "", tier = "", show = "" }: Params): boolean {
  return name !== "" || tier !== "" || show !== "";
}

/** What the figures leave out; null if they are whole. */
export function boundText({ usage }: UserPage, isAddresses: boolean): string | null {
  const who = isAddresses ? "addresses" : "users";
  if (usage === null) {
    return "Analytics is not responding: the list has accounts only, by id and without usage.";
  }
  if (usage.isComplete) return null;
  const rest = isAddresses ? "The others are not listed." : "The others follow by id, without figures.";
  return `Only the first ${exact(usage.ranked)} ${who} of the range are ranked. ${rest} Choose a shorter range to rank all.`;
}
