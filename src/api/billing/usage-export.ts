/**
 * The export of usage: all cells of the ledgers' frozen hours as NDJSON, for a data warehouse (scripts/export-usage.ts).
 *
 * A page is bounded in cells, accounts and time, and streamed. Its last line marks its end and has the cursor. A client that stores the
 * lines and the cursor together has each cell once; a page without that line is incomplete. If an object does not answer in the middle of a page, the
 * page ends before it.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import { HOUR_MS, OPEN_HOURS } from "../../core/time.ts";
import { unitAmounts } from "../../core/unit-costs.ts";
import { toTokens } from "../../core/units.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { unavailable } from "../../edge/problem.ts";
import { type KeyMode, modeOf } from "../../identity/key-mode.ts";
import { userIdSchema } from "../../identity/user-id.ts";
import { messageOf } from "../../log.ts";
import { directoryOf } from "../../objects/account-directory.ts";
import type { FrozenCell } from "../../objects/frozen-usage.ts";
import { stubOf } from "../accounts/account-object.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { cursor, rangeBound } from "../fields.ts";
import { BAD_CURSOR, badQuery, pageSize, readQuery } from "../query.ts";
import { spendWork } from "../work-limit.ts";
import { exportCursor, type ExportPlace, exportPlace } from "./export-cursor.ts";
import { SourceFault, type Step, usageSteps, type UsageSource } from "./usage-pages.ts";

const DEFAULT_CELLS = 2_000;
const NDJSON = "application/x-ndjson";

const exportQuery = z.strictObject({
  from: rangeBound,
  /** Exclusive. */
  to: rangeBound,
  account: z.optional(userIdSchema),
  limit: z.optional(z.string().check(z.regex(/^([1-9]\d{0,3}|10000)$/, "must be 1 to 10000"))),
  cursor,
});

export const USAGE_EXPORT = {
  exportUsage: {
    method: "GET",
    path: `${ADMIN}/billing/export/usage`,
    access: "viewer",
    query: exportQuery,
    handler: exportUsage,
  },
} as const satisfies Endpoints;

/** A line of an export: a cell of the ledger. */
export interface ExportedCell {
  readonly account: string;
  /** Its first moment. */
  readonly hour: string;
  /** "": no route. */
  readonly route: string;
  /** The key's id; "": no key. */
  readonly key: string;
  readonly mode: KeyMode;
  readonly requests: number;
  readonly cost: number;
  readonly denied: number;
  readonly units?: Readonly<Record<string, number>>;
}

/** The last line of a page. */
export interface ExportPageEnd {
  readonly cursor: string;
  /** Whether the pass has ended: all cells of the range have been sent. */
  readonly done: boolean;
  /** The range of the pass. */
  readonly from: string;
  readonly to: string;
}

async function exportUsage(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, exportQuery);
  if (!query.ok) return query.response;
  const { from, to, account, limit, cursor: at } = query.value;
  if (at !== undefined) {
    const others = Object.entries({ from, to, account }).filter(([, value]) => value !== undefined);
    const faults = others.map(([name]) => ({ path: `/${name}`, message: "cannot be given with a cursor" }));
    if (faults.length > 0) return badQuery(c, faults).response;
  }
  const place = at === undefined ? firstPlace(from, to, account) : exportPlace(at);
  if (place === null) return badQuery(c, BAD_CURSOR).response;
  const rejection = await spendWork(c, "reports", 1);
  if (rejection) return rejection;
  const frozenHour = hourOf(Date.now()) - OPEN_HOURS;
  const toHour = Math.min(place.toHour ?? frozenHour, frozenHour);
  const range = { from: textOf(place.fromHour), to: textOf(Math.max(place.fromHour, toHour)) };
  const steps = usageSteps(sourceOf(c), place, toHour, pageSize(limit, DEFAULT_CELLS));
  try {
    const { value: first } = await steps.next();
    if (!first) throw new Error("an export without a step");
    return c.body(streamOf(linesOf(c, first, steps, range)), 200, { "Content-Type": NDJSON });
  } catch (thrown) {
    if (!(thrown instanceof SourceFault)) throw thrown;
    const { services, requestId } = c.var;
    services.log("error", "control_plane_failed", { requestId, what: thrown.what, error: messageOf(thrown) });
    return unavailable(`The ${thrown.what} is not responding.`, requestId);
  }
}

/** Hours that have not ended by `to` are left out. */
function firstPlace(
  from: string | undefined,
  to: string | undefined,
  only = null as string | null,
): ExportPlace {
  return {
    fromHour: from === undefined ? 0 : Math.max(0, hourOf(Date.parse(from))),
    toHour: to === undefined ? null : Math.max(0, hourOf(Date.parse(to))),
    only,
    done: "",
    within: null,
  };
}

function sourceOf(c: Context<AppEnv>): UsageSource {
  return {
    known: async (after, count) => directoryOf(c.env.ACCOUNT_DIRECTORY).known(after, count),
    cells: async (account, fromHour, toHour, after, count) =>
      stubOf(c, account).frozenUsage({ fromHour, toHour, after, count }),
  };
}

/** The lines of a page, a text for each step, and its end. */
async function* linesOf(
  c: Context<AppEnv>,
  first: Step,
  steps: AsyncGenerator<Step, void>,
  range: Pick<ExportPageEnd, "from" | "to">,
): AsyncGenerator<string, void> {
  let last = first;
  if (first.cells.length > 0) yield textOfStep(first);
  try {
    for await (const step of steps) {
      last = step;
      if (step.cells.length > 0) yield textOfStep(step);
    }
  } catch (thrown) {
    const { services, requestId } = c.var;
    services.log("warn", "export_cut_short", { requestId, error: messageOf(thrown) });
  }
  const end: ExportPageEnd = { cursor: exportCursor(last.place), done: last.isDone, ...range };
  yield `${JSON.stringify(end)}\n`;
}

function textOfStep({ account, cells }: Step): string {
  return cells.map((cell) => `${JSON.stringify(exportedCell(account ?? "", cell))}\n`).join("");
}

function exportedCell(account: string, { hour, route, keyId, ...cell }: FrozenCell): ExportedCell {
  const { requests, costMilli, denied, units } = cell;
  return {
    account,
    hour: textOf(hour),
    route,
    key: keyId,
    mode: modeOf(keyId),
    requests,
    cost: toTokens(costMilli),
    denied,
    ...(units ? { units: unitAmounts(Object.entries(units)) } : {}),
  };
}

/** Reads on when the receiver has taken what was read before. */
function streamOf(texts: AsyncGenerator<string, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await texts.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await texts.return();
    },
  });
}

function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS);
}

function textOf(hour: number): string {
  return new Date(hour * HOUR_MS).toISOString().replace(".000Z", "Z");
}
