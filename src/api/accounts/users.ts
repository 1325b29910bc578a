/** The list of users: accounts, and users without one who have traffic in the range, with their usage, sorted over all of them. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { INDEX_BYTES } from "../../analytics/cut.ts";
import type { AnswerHead, ReportAnswer, ReportBodies } from "../../analytics/reports/report-answer.ts";
import { type ReportQuery, SUBJECT_PREFIXES } from "../../analytics/reports/report-query.ts";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { parseJson } from "../../json.ts";
import { messageOf } from "../../log.ts";
import { directoryOf } from "../../objects/account-directory.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { cursor, pageLimit, rangeBound, tierName } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, pageSize, positionOf, readQuery } from "../query.ts";
import { queryOf } from "../reports/report-parameters.ts";
import { iso } from "../rfc3339.ts";
import { spendWork } from "../work-limit.ts";
import {
  type Figure,
  FIGURES,
  type ListedUser,
  type ListPosition,
  NOBODY,
  pageOfUsers,
  type RankedUser,
  USER_SORTS,
  type UserSort,
} from "./user-list.ts";

const DAY_MS = 86_400_000;
/** Users that are ranked: an answer of some megabytes. Those beyond have no figures in the list. */
export const RANKED_USERS = 10_000;
/** Less than the directory's deadline: a list without figures is better than none. */
const REPORT_DEADLINE_MS = 8_500;

const KINDS = ["account", "no-account", "address"] as const;

const usersQuery = z.strictObject({
  search: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
  kind: z.optional(z.enum(KINDS)),
  tier: z.optional(tierName),
  status: z.optional(z.enum(["active", "blocked"])),
  sort: z.optional(z.enum(USER_SORTS)),
  from: rangeBound,
  /** Exclusive. */
  to: rangeBound,
  limit: pageLimit,
  cursor,
});
type UsersQuery = z.infer<typeof usersQuery>;

const MATCH_OF_NOTHING = [{ path: "/sort", message: "match requires search" }];

const positionSchema = z.tuple([z.enum(USER_SORTS), z.nullable(z.number()), z.string()]);

export const USERS = {
  listUsers: {
    method: "GET",
    path: `${ADMIN}/users`,
    access: "viewer",
    query: usersQuery,
    handler: listUsers,
  },
} as const satisfies Endpoints;

async function listUsers(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, usersQuery);
  if (!query.ok) return query.response;
  const { search, kind, tier = null, status = null, sort = "requests", limit, cursor: from } = query.value;
  if (sort === "match" && search === undefined) return badQuery(c, MATCH_OF_NOTHING).response;
  const after = from === undefined ? null : readPosition(from, sort);
  if (after === undefined) return badQuery(c, BAD_CURSOR).response;
  const report = reportQueryOf(query.value, sort, Date.now());
  if (!report.ok) return badQuery(c, report.faults).response;
  const rejection = await spendWork(c, "reports", 1);
  if (rejection) return rejection;
  const list = async () => {
    const ranking = await rankingOf(c, report.value);
    const directory = kind === "address" ? NOBODY : directoryOf(c.env.ACCOUNT_DIRECTORY);
    const page = await pageOfUsers(directory, ranking?.users ?? [], {
      sort,
      filter: {
        tier,
        status,
        text: search ?? null,
        hasAccount: kind === undefined ? null : kind === "account",
      },
      after,
      limit: pageSize(limit),
    });
    return { ranking, page };
  };
  return ask(c, "account directory", list(), ({ ranking, page: { users, next } }) =>
    c.json({
      users: users.map((user) => userView(c, user, kind === "address", ranking?.isComplete === true)),
      cursor: next && cursorOf(JSON.stringify([sort, next.value, next.id])),
      usage: ranking && ranking.view,
    }),
  );
}

/** Undefined if it is not a cursor of a list with this order. */
function readPosition(text: string, sort: UserSort): ListPosition | undefined {
  const parsed = positionSchema.safeParse(parseJson(positionOf(text) ?? ""));
  if (!parsed.success || parsed.data[0] !== sort) return undefined;
  const [, value, id] = parsed.data;
  return { value, id };
}

/** The report that ranks the users: of the last day, unless a range is given. */
function reportQueryOf({ from, to, kind }: UsersQuery, sort: UserSort, nowMs: number) {
  const endMs = to === undefined ? nowMs : Date.parse(to);
  const parameters = {
    from: from ?? iso(endMs - DAY_MS),
    to,
    order: FIGURES.find((figure) => figure === sort) ?? ("requests" satisfies Figure),
    kind: kind === "address" ? "address" : "user",
  } as const;
  const query = queryOf("subjects", parameters, nowMs);
  return query.ok ? { ...query, value: { ...query.value, limit: RANKED_USERS } } : query;
}

interface Ranking {
  readonly users: readonly RankedUser[];
  readonly isComplete: boolean;
  readonly view: Pick<AnswerHead, "backend" | "sampled" | "from" | "to"> & {
    readonly ranked: number;
    readonly isComplete: boolean;
  };
}

/** Null if no back end is configured or it does not answer: the list is then without figures. */
async function rankingOf(c: Context<AppEnv>, query: ReportQuery): Promise<Ranking | null> {
  const { admin, services, requestId } = c.var;
  if (!admin.reports) return null;
  try {
    const answer = await withDeadline(admin.reports.run(query), REPORT_DEADLINE_MS, "analytics");
    return isSubjects(answer) ? rankingIn(answer, query) : null;
  } catch (thrown) {
    services.log("error", "control_plane_failed", {
      requestId,
      what: "analytics back end",
      error: messageOf(thrown),
    });
    return null;
  }
}

type Subjects = AnswerHead & { readonly report: "subjects" } & ReportBodies["subjects"];

function isSubjects(answer: ReportAnswer): answer is Subjects {
  return answer.report === "subjects";
}

/** Leaves out what Analytics Engine has cut: several users may share it. */
function rankingIn(answer: Subjects, { subjects = "user" }: ReportQuery): Ranking {
  const { backend, sampled, from, to } = answer;
  const whole = answer.subjects.filter(
    ({ account }) => backend === "embedded" || account.length < INDEX_BYTES,
  );
  const isComplete = answer.isComplete && whole.length === answer.subjects.length;
  const prefix = SUBJECT_PREFIXES[subjects];
  return {
    users: whole.map((usage) => ({ id: usage.account.slice(prefix.length), usage })),
    isComplete,
    view: { backend, sampled, from, to, ranked: whole.length, isComplete },
  };
}

const NO_USAGE = { requests: 0, allowed: 0, denied: 0, turnedAway: 0, errors: 0, decided: 0, cost: 0 };

/** @param isComplete whether every user with traffic is ranked: then the others have none. */
function userView(c: Context<AppEnv>, user: ListedUser, isAddress: boolean, isComplete: boolean) {
  const { id, entry, usage: found } = user;
  const { account: _account, ...usage } = found ?? { account: "", ...NO_USAGE, lastSeenAt: null };
  return {
    id,
    kind: isAddress ? "address" : entry && !entry.deleted ? "account" : "no-account",
    status: entry?.status ?? "active",
    account:
      entry && !entry.deleted
        ? {
            name: entry.name,
            tier: entry.tier,
            orphaned: !c.var.policy.tiers.has(entry.tier),
            createdAt: iso(entry.createdMs),
            updatedAt: iso(entry.updatedMs),
          }
        : null,
    usage: found || isComplete ? usage : null,
  };
}
