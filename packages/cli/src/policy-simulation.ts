/** Who would be denied by a policy who is not denied now: recorded requests, replayed by the deployment. */
import { setTimeout } from "node:timers/promises";
import type { PolicyDocument } from "../../../src/policy/schema.ts";
import { field, rowsOf, table } from "./command.ts";
import { type Deployment, ProblemFailure } from "./deployment.ts";
import { Failure, UsageFailure } from "./failure.ts";

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_MS = 93 * 86_400_000;
/** The deployment runs one simulation at a time. */
const MAX_TRIES = 5;
const RETRY_MS = 1_000;

export interface Simulation {
  readonly from: string;
  readonly to: string;
  readonly decisions: number;
  readonly isEstimate: boolean;
  /** Of all, not of the listed ones alone. */
  readonly newlyDeniedAccounts: number;
  readonly newlyDenied: readonly NewlyDenied[];
}

export interface NewlyDenied {
  readonly account: string;
  readonly tier: string;
  readonly newlyDenied: number;
  readonly requests: number;
  readonly routes: readonly string[];
}

/** "24h", "30m" or "7d" in milliseconds. @throws UsageFailure if it is none of these. */
export function durationMs(text: string): number {
  const [, count, unit = ""] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms > 0 && ms <= MAX_MS) return ms;
  throw new UsageFailure("--simulate takes a time such as 30m, 24h or 7d, at most 93d");
}

/** Replays the last `ms`. @throws Failure if the deployment has no record, or is busy. */
export async function simulate(
  deployment: Deployment,
  document: PolicyDocument,
  ms: number,
): Promise<Simulation> {
  const nowMs = Date.now();
  const range = { from: new Date(nowMs - ms).toISOString(), to: new Date(nowMs + 1).toISOString() };
  for (let tries = 1; ; tries++) {
    try {
      const { body } = await deployment.call("/simulate", { method: "POST", body: { document, ...range } });
      const { result }: { result?: unknown } = body;
      if (result === null || result === undefined) throw new Failure("the deployment rejects the policy");
      return simulationOf(result, range);
    } catch (thrown) {
      const isBusy = thrown instanceof ProblemFailure && thrown.status === 503;
      if (!isBusy || tries === MAX_TRIES) throw thrown;
      await setTimeout(RETRY_MS * tries);
    }
  }
}

function simulationOf(result: unknown, range: { readonly from: string; readonly to: string }): Simulation {
  const { changedAccounts }: { changedAccounts?: unknown } = { ...Object(result) };
  return {
    ...range,
    decisions: Number(field(result, "decisions")),
    isEstimate: field(result, "sampled") === "true" || field(result, "truncated") === "true",
    newlyDeniedAccounts: Number(field(changedAccounts, "denied")),
    newlyDenied: rowsOf(result, "newlyDenied").map((row) => ({
      account: field(row, "account"),
      tier: field(row, "tier"),
      newlyDenied: Number(field(row, "newlyDenied")),
      requests: Number(field(row, "requests")),
      routes: rowsOf(row, "routes").map(String),
    })),
  };
}

export function simulationLines(simulation: Simulation): string[] {
  const { decisions, isEstimate, newlyDenied, newlyDeniedAccounts, from } = simulation;
  const since = `${decisions} requests since ${from}${isEstimate ? " (an estimate: the record is a sample)" : ""}`;
  if (newlyDeniedAccounts === 0) return ["", `Nobody would be newly denied: ${since}.`];
  const rows = newlyDenied.map((row) => [
    row.account,
    row.tier,
    `${row.newlyDenied} of ${row.requests}`,
    row.routes.join(", "),
  ]);
  const more = newlyDeniedAccounts - new Set(newlyDenied.map(({ account }) => account)).size;
  return [
    "",
    `${newlyDeniedAccounts} would be newly denied: ${since}.`,
    ...table(["account", "tier", "newly denied", "routes"], rows),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
}
