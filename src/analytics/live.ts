/**
 * The live stream's protocol, in JSON text frames.
 *
 * The hub sends `{"seq", "rows", "skipped"}`: decisions that pass the viewer's filters, newest last, and how many were left out
 * since the frame before. The viewer answers each with `{"ack": seq}`; with too many unanswered it gets no more until it does, so
 * a slow viewer costs the hub nothing. It may send `{"filters": {...}}` and `{"pause": true}` at any time.
 */
import * as z from "zod/mini";
import { subjectNamed } from "../identity/user-id.ts";
import type { Point } from "./point.ts";
import { outcomeOf, type ReportedOutcome } from "./outcome.ts";

/** What can be filtered by. */
export const LIVE_FILTERS = ["account", "route", "tier", "outcome", "reason", "source"] as const;
export type LiveFilter = (typeof LIVE_FILTERS)[number];

const value = z.optional(z.string().check(z.minLength(1), z.maxLength(256)));

export const liveFiltersSchema = z.strictObject({
  account: value,
  route: value,
  tier: value,
  outcome: value,
  reason: value,
  source: value,
});
/** Tells the hub, beside the filters, when a stream ends: Unix ms. Never a viewer's to say. */
export const EXPIRES = "expires";
/** Likewise, whose stream it is: each actor has a bounded number of them. */
export const VIEWER = "viewer";
/** Likewise, the session that opened it, if one did: the stream ends with it. */
export const SESSION = "session";
/** The close code (of those for private use, RFC 6455) of a stream that a newer one displaced: clients must not reopen it by themselves. */
export const DISPLACED = 4001;

/** Only decisions with exactly these values; an account may also be named by its user's id alone. */
export type LiveFilters = z.infer<typeof liveFiltersSchema>;

export const viewerMessageSchema = z.union([
  z.strictObject({ ack: z.int().check(z.gte(0)) }),
  z.strictObject({ pause: z.boolean() }),
  z.strictObject({ filters: liveFiltersSchema }),
]);

/** A decision as a viewer sees it. `at` is RFC 3339 in UTC. */
export interface LiveRow extends Omit<Point, "atMs" | "outcome"> {
  readonly at: string;
  readonly outcome: ReportedOutcome;
}

export interface LiveFrame {
  readonly seq: number;
  readonly rows: readonly LiveRow[];
  /** Decisions that pass the filters but were not shown: more than a person can read, or while too much was unanswered. */
  readonly skipped: number;
}

/** Rows of one viewer in a second. */
export const MOST_ROWS_PER_SECOND = 20;

export function passes(point: Point, filters: LiveFilters): boolean {
  return LIVE_FILTERS.every((name) => {
    const wanted = filters[name];
    return (
      wanted === undefined || (name === "account" ? subjectNamed(wanted) : wanted) === valueOf(point, name)
    );
  });
}

export function liveRow({ atMs, ...rest }: Point): LiveRow {
  return { at: new Date(atMs).toISOString(), ...rest, outcome: reported(rest) };
}

function valueOf(point: Point, name: LiveFilter): string {
  return name === "outcome" ? reported(point) : point[name];
}

function reported({ outcome, reason, source }: Omit<Point, "atMs">): ReportedOutcome {
  return outcomeOf(outcome, reason, source);
}
