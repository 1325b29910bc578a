/**
 * The live stream's protocol, in JSON text frames.
 *
 * The hub sends `{"seq", "rows", "skipped"}`: decisions that match the viewer's filters, newest last, and how many were skipped since the
 * last frame. The viewer acknowledges each frame with `{"ack": seq}`. With too many unacknowledged frames it gets no more until it does,
 * so a slow viewer costs the hub nothing. The viewer may send `{"filters": {...}}` and `{"pause": true}` at any time.
 */
import * as z from "zod/mini";
import { subjectNamed } from "../identity/user-id.ts";
import { shownSubject } from "./shown-subject.ts";
import type { Point } from "./point.ts";
import { outcomeOf, type ReportedOutcome } from "./outcome.ts";

/** Fields that a viewer can filter by. */
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
/** Parameter of the edge's request to the hub, in addition to the filters: when the stream ends, Unix ms. A viewer cannot set it. */
export const EXPIRES = "expires";
/** Likewise, the stream's actor: each has a bounded number of streams. */
export const VIEWER = "viewer";
/** Likewise, the session that opened the stream, if any: the stream ends with it. */
export const SESSION = "session";
/** The close code (RFC 6455, private use) of a stream that a newer one displaced: clients must not reopen it automatically. */
export const DISPLACED = 4001;

/** Only decisions with exactly these values. An account may also be given as its user's id alone. */
export type LiveFilters = z.infer<typeof liveFiltersSchema>;

export const viewerMessageSchema = z.union([
  z.strictObject({ ack: z.int().check(z.gte(0)) }),
  z.strictObject({ pause: z.boolean() }),
  z.strictObject({ filters: liveFiltersSchema }),
]);

/** A decision as viewers see it. `at` is RFC 3339 in UTC. */
export interface LiveRow extends Omit<Point, "atMs" | "outcome"> {
  readonly at: string;
  readonly outcome: ReportedOutcome;
}

export interface LiveFrame {
  readonly seq: number;
  readonly rows: readonly LiveRow[];
  /** Decisions that matched but were not sent: more than a person can read, or too many frames were unacknowledged. */
  readonly skipped: number;
}

/** Rows that one viewer gets in a second. */
export const MAX_ROWS_PER_SECOND = 20;

/** Whether the filters let the point through. */
export function passes(point: Point, filters: LiveFilters): boolean {
  return LIVE_FILTERS.every((name) => {
    const wanted = filters[name];
    if (wanted === undefined) return true;
    return name === "account" ? isOf(point, subjectNamed(wanted)) : wanted === valueOf(point, name);
  });
}

/** An address is also found by what points show of it. */
function isOf({ account }: Point, subject: string): boolean {
  return account === subject || account === shownSubject(subject, "prefix");
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
