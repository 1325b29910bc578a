/**
 * Which parts of the system need attention, by the thresholds of monitoring/alerts.yml: what each means, and the section of
 * docs/operations.md that says what to do. Pure.
 */
import { count, counted } from "../shell/format.ts";
import type { PageAddress } from "../shell/page-address.ts";
import type { Counter, Gauge } from "./health-reading.ts";
import { type SystemReport, sumOf } from "./system-report.ts";

export interface SystemCheck {
  readonly name: string;
  readonly state: "ok" | "attention" | "unknown";
  readonly detail: string;
  /** What it is about, in a sentence. */
  readonly meaning: string;
  /** The heading in docs/operations.md. */
  readonly instruction: string;
  /** Its figure over time, if it has one. */
  readonly figure?: Gauge | Counter;
  /** What is behind it; without it, there is nothing more to see here. */
  readonly to?: PageAddress;
}

/** As in the alert EdgeLimiterPolicyStale: KV itself can lag by a minute. */
export const STALE_SECONDS = 120;
/** As in the alert EdgeLimiterOutboxLag. */
export const LAG_SECONDS = 300;

/** The checks that the Worker makes itself: in its answers to /health and /ready, by name; null without an answer. */
export interface ProbeAnswers {
  readonly health: ReadonlyMap<string, string> | null;
  readonly ready: ReadonlyMap<string, string> | null;
}

type Finding = Pick<SystemCheck, "state" | "detail">;
type Check = Omit<SystemCheck, keyof Finding> & {
  readonly find: (report: SystemReport, probes: ProbeAnswers) => Finding;
};

const FALLBACKS: PageAddress = { screen: "decisions", params: { source: "fallback" } };
const POLICY: PageAddress = { screen: "policy", params: {} };

const CHECKS: readonly Check[] = [
  {
    name: "Health",
    meaning: "The Worker has the newest policy and reaches its objects (GET /health).",
    instruction: "What to watch",
    find: (_report, { health }) => probe(health),
  },
  {
    name: "Readiness",
    meaning: "An object answers and a policy is known (GET /ready).",
    instruction: "What to watch",
    find: (_report, { ready }) => probe(ready),
  },
  {
    name: "Circuits",
    meaning:
      "An open circuit stops calls to a target that fails; the tier's failure policy decides meanwhile.",
    instruction: "EdgeLimiterCircuitOpen",
    figure: "openCircuits",
    to: FALLBACKS,
    find: ({ circuits }) =>
      circuits.length === 0
        ? UNKNOWN
        : found(
            circuits.some(({ isOpen }) => isOpen),
            circuits.map(({ target, isOpen }) => `${target}: ${isOpen ? "open" : "closed"}`).join(", "),
          ),
  },
  {
    name: "Limiter failures",
    meaning: "Calls to users' objects that failed or were late, per minute.",
    instruction: "EdgeLimiterFailing",
    figure: "failures",
    to: FALLBACKS,
    find: ({ failures, requests }) => {
      const { since, total } = sumOf(failures);
      const of = `of ${counted(requests.since, "request")} since opened`;
      return found(since > 0, `${count(since)} ${of}, ${count(total)} in total`);
    },
  },
  {
    name: "Policy staleness",
    meaning: "For how long an isolate has not had the newest policy in force, the worst one.",
    instruction: "EdgeLimiterPolicyStale",
    figure: "policyStaleSeconds",
    to: POLICY,
    find: ({ policyStaleSeconds }) => seconds(policyStaleSeconds, STALE_SECONDS),
  },
  {
    name: "Policy reads",
    meaning:
      "Reads of the policy that failed, or found an invalid one, per minute. The last good policy stays.",
    instruction: "EdgeLimiterPolicyStale",
    figure: "failedReads",
    to: POLICY,
    find: ({ reloads }) => {
      const failed = ["refused", "failed"].reduce((sum, name) => sum + (reloads.get(name)?.since ?? 0), 0);
      return found(failed > 0, `${count(failed)} failed since opened`);
    },
  },
  {
    name: "Outbox lag",
    meaning: "The age of the oldest change to an account that is not yet in KV or the directory.",
    instruction: "EdgeLimiterOutboxLag",
    figure: "outboxLagSeconds",
    find: ({ outboxLagSeconds }) => seconds(outboxLagSeconds, LAG_SECONDS),
  },
  {
    name: "Analytics",
    meaning: "Decisions that no report contains, per minute. Limits and the ledger are not affected.",
    instruction: "EdgeLimiterAnalyticsLost",
    figure: "pointsDropped",
    find: ({ pointsDropped: { since, total } }) =>
      found(since > 0, `${count(since)} lost since opened, ${count(total)} in total`),
  },
  {
    name: "Versions",
    meaning: "The Worker's versions: more than one while a deploy is in progress.",
    instruction: "Upgrade and roll back",
    find: ({ versions }) =>
      versions.length === 0 ? UNKNOWN : found(versions.length > 1, versions.join(" and ")),
  },
];

export function systemChecks(report: SystemReport, probes: ProbeAnswers): readonly SystemCheck[] {
  return CHECKS.map(({ find, ...check }) => Object.assign(check, find(report, probes)));
}

/** All checks in one sentence. */
export function checksSummary(checks: readonly SystemCheck[]): string {
  const names = checks.filter(({ state }) => state === "attention").map(({ name }) => name.toLowerCase());
  return names.length === 0 ? "All measured checks are OK." : `Needs attention: ${names.join(", ")}.`;
}

function probe(answers: ReadonlyMap<string, string> | null): Finding {
  if (answers === null) return { state: "attention", detail: "no answer" };
  const faults = [...answers]
    .filter(([, answer]) => answer !== "ok")
    .map(([part, answer]) => `${part}: ${answer}`);
  return found(faults.length > 0, faults.length > 0 ? faults.join(", ") : [...answers.keys()].join(", "));
}

function seconds(value: number | null, max: number): Finding {
  return value === null ? UNKNOWN : found(value > max, `at most ${count(value)} s in five minutes`);
}

function found(isBad: boolean, detail: string): Finding {
  return { state: isBad ? "attention" : "ok", detail };
}

const UNKNOWN: Finding = { state: "unknown", detail: "not reported yet" };
