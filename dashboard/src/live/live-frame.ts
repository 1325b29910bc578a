/** Frames of the live stream as the page reads them (src/analytics/live.ts has the protocol). Pure; never trusts a shape. */
import { isRecord } from "../shell/api-client.ts";

export interface LiveDecision {
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly account: string;
  readonly route: string;
  readonly tier: string;
  readonly outcome: string;
  readonly reason: string;
  readonly source: string;
  readonly method: string;
  readonly requestId: string;
  /** Of the tightest limit, 0 to 1. */
  readonly remainingFraction: number;
  readonly limiterMs: number;
  /** Requests that it stands for. */
  readonly requests: number;
}

export interface Frame {
  readonly seq: number;
  readonly rows: readonly LiveDecision[];
  /** Decisions that were not shown since the frame before. */
  readonly skipped: number;
}

/** What the stream can be filtered by, and the URL's parameters of the same names. */
export const FILTERS = ["account", "route", "tier", "outcome", "reason", "source"] as const;
export type LiveFilters = Readonly<Partial<Record<(typeof FILTERS)[number], string>>>;

/** The hub takes no longer ones. */
const LONGEST_FILTER = 256;

/** The URL's parameters that are filters. */
export function filtersOf(params: Readonly<Record<string, string>>): LiveFilters {
  const given = FILTERS.map((name) => [name, params[name]?.slice(0, LONGEST_FILTER)]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ""));
}

/** Null for what is no frame; a row of another shape makes it none. */
export function parseFrame(text: unknown): Frame | null {
  let body: unknown;
  try {
    body = JSON.parse(String(text));
  } catch {
    return null;
  }
  if (!isRecord(body)) return null;
  const { seq, rows, skipped } = body;
  if (typeof seq !== "number" || typeof skipped !== "number" || !Array.isArray(rows)) return null;
  const decisions = rows.map(decision);
  return decisions.every((row) => row !== null) ? { seq, rows: decisions, skipped } : null;
}

function decision(row: unknown): LiveDecision | null {
  if (!isRecord(row)) return null;
  const text = (name: string) => (typeof row[name] === "string" ? row[name] : "");
  const { at, outcome, remainingFraction, limiterMs, requests } = row;
  if (typeof at !== "string" || typeof outcome !== "string") return null;
  if (typeof remainingFraction !== "number" || typeof limiterMs !== "number") return null;
  if (typeof requests !== "number") return null;
  return {
    at,
    outcome,
    remainingFraction,
    limiterMs,
    requests,
    account: text("account"),
    route: text("route"),
    tier: text("tier"),
    reason: text("reason"),
    source: text("source"),
    method: text("method"),
    requestId: text("requestId"),
  };
}
