/** Compares measured figures with the budget. Pure. No figure depends on timing, so the result is the same on every machine. */
import * as z from "zod/mini";
import { parseBy } from "../src/policy/fault.ts";

const figure = z.number().check(z.gte(0));

/** The billed operations of the budget. Points go to the hub by time, so the hub's figures leave room for a slow machine. */
const COUNTED = ["objectCalls", "rowsWritten", "kvReads", "hubCalls", "hubRows"] as const;

/** In the order of the output. */
const CALLERS = [
  "strict",
  "leased",
  "denied",
  "shadow",
  "shadowed",
  "newcomers",
  "at1",
  "at10",
  "at100",
  "authNone",
  "deprecated",
  "traced",
  "preflight",
  "cacheHit",
  "cacheMiss",
  "transformed",
  "flooded",
  "guessed",
  "shielded",
  "allowed",
  "pooled",
] as const;

const operations = z.strictObject({
  objectCalls: figure,
  rowsWritten: figure,
  kvReads: figure,
  hubCalls: figure,
  hubRows: figure,
});

const CHECKED = ["authNone", "flooded", "guessed", "shielded"] as const;

const schema = z.strictObject({
  /** The product's bundle, minified and compressed, KiB. */
  gzipKb: figure,
  /** Operations per 1,000 decisions for one user, by the kind of decision. */
  strict: operations,
  leased: operations,
  denied: operations,
  /** For a user who has a limit in shadow besides those of `leased`: far below it, and far beyond it. */
  shadow: operations,
  shadowed: operations,
  /** Operations per 1,000 first requests of new addresses. */
  newcomers: operations,
  /** Operations per 1,000 decisions for a user far below two limits who sends 1, 10 or 100 requests a second, pause included. */
  at1: operations,
  at10: operations,
  at100: operations,
  /**
   * Operations per 1,000 requests of an address: to a route with `auth: none`, to one that is deprecated and has a sunset, with a trace
   * context, and of preflights that the upstream answers; to a cached route, whose response is stored, and is not stored yet; to one that
   * changes path, query and headers.
   */
  authNone: operations,
  deprecated: operations,
  traced: operations,
  preflight: operations,
  cacheHit: operations,
  cacheMiss: operations,
  transformed: operations,
  /** Operations per 1,000 requests that the flood shield rejects, and per 1,000 guesses that the credential shield rejects. */
  flooded: operations,
  guessed: operations,
  /** Operations per 1,000 decisions for one user with a good key, behind an address that the credential shield knows to be guessing. */
  shielded: operations,
  /** Operations per 1,000 decisions for one user whom a rule lets through without limits. */
  allowed: operations,
  /** Operations per 1,000 requests of an address to a route with a pool, one of whose targets refuses connections. */
  pooled: operations,
  /** Digests of keys and verified signatures, per 1,000 requests, where nothing or little may be spent on credentials. */
  credentialChecks: z.strictObject({
    authNone: figure,
    flooded: figure,
    guessed: figure,
    shielded: figure,
  }),
  /** Per account and period: of the close of a billing period until its invoice has a number. test/durable-objects/closing.test.ts. */
  close: z.strictObject({
    alarms: figure,
    registerCalls: figure,
    rowsWritten: figure,
    registerRows: figure,
  }),
});

/** Of one kind of request, per 1,000. */
export interface Figures extends z.infer<typeof operations> {
  readonly credentialChecks: number;
}

/** The maximum of each figure. */
export type Budget = z.infer<typeof schema>;

/** The figures that a run measures. */
export type Measured = Omit<Budget, "close">;

/** @throws with the names of the invalid figures. */
export function parseBudget(given: unknown): Budget {
  const parsed = parseBy(schema, given);
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.faults.map(({ path, message }) => `${path} ${message}`).join("; "));
}

export interface BudgetLine {
  readonly figure: string;
  readonly measured: number;
  readonly max: number;
  readonly isOver: boolean;
}

/** Every figure with its maximum. A figure that is not a number counts as over. */
export function linesOf(measured: Measured, budget: Measured): BudgetLine[] {
  const line = (figureName: string, value: number, max: number): BudgetLine => ({
    figure: figureName,
    measured: value,
    max,
    isOver: !(value <= max),
  });
  const lines = [line("bundle, KiB", measured.gzipKb, budget.gzipKb)];
  for (const caller of CALLERS) {
    for (const operation of COUNTED) {
      lines.push(
        line(`${caller}: ${operation} per 1,000`, measured[caller][operation], budget[caller][operation]),
      );
    }
  }
  for (const caller of CHECKED) {
    const [value, max] = [measured.credentialChecks[caller], budget.credentialChecks[caller]];
    lines.push(line(`${caller}: credentialChecks per 1,000`, value, max));
  }
  return lines;
}
