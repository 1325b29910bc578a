/** Which parts of the system need attention, by the thresholds of monitoring/alerts.yml, in words. Pure. */
import { count } from "../shell/format.ts";
import { type SystemReport, sumOf } from "./system-report.ts";

export interface SystemCheck {
  readonly name: string;
  readonly state: "ok" | "attention" | "unknown";
  readonly detail: string;
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

export function systemChecks(report: SystemReport, { health, ready }: ProbeAnswers): readonly SystemCheck[] {
  const { circuits, versions, pointsDropped, requests } = report;
  const failures = sumOf(report.failures);
  const failedReads = ["refused", "failed"].reduce(
    (sum, name) => sum + (report.reloads.get(name)?.since ?? 0),
    0,
  );
  return [
    probe("Health", health, "the Worker has the newest policy and reaches its objects"),
    probe("Readiness", ready, "a limiter object answers"),
    circuits.length === 0
      ? unknown("Circuits")
      : check(
          "Circuits",
          circuits.some(({ isOpen }) => isOpen),
          circuits.map(({ target, isOpen }) => `${target}: ${isOpen ? "open" : "closed"}`).join(", "),
        ),
    check(
      "Limiter failures",
      failures.since > 0,
      `${count(failures.since)} calls of objects failed while this screen was open, of ${count(requests.since)} requests; ${count(failures.total)} in total`,
    ),
    seconds("Policy staleness", report.policyStaleSeconds, STALE_SECONDS),
    check(
      "Policy reads",
      failedReads > 0,
      failedReads > 0
        ? `${count(failedReads)} failed or were rejected while this screen was open`
        : "none failed or was rejected",
    ),
    seconds("Outbox lag", report.outboxLagSeconds, LAG_SECONDS),
    check(
      "Analytics",
      pointsDropped.since > 0,
      `reports lost ${count(pointsDropped.since)} decisions while this screen was open; ${count(pointsDropped.total)} in total`,
    ),
    versions.length === 0
      ? unknown("Versions")
      : check(
          "Versions",
          versions.length > 1,
          versions.length > 1 ? `${versions.join(" and ")}: a deploy is in progress` : versions.join(""),
        ),
  ];
}

/** All checks in one sentence. */
export function checksSummary(checks: readonly SystemCheck[]): string {
  const names = checks.filter(({ state }) => state === "attention").map(({ name }) => name.toLowerCase());
  return names.length === 0 ? "All measured checks are OK." : `Needs attention: ${names.join(", ")}.`;
}

function probe(name: string, answers: ReadonlyMap<string, string> | null, okText: string): SystemCheck {
  if (answers === null) return { name, state: "attention", detail: "no answer" };
  const faults = [...answers]
    .filter(([, answer]) => answer !== "ok")
    .map(([part, answer]) => `${part}: ${answer}`);
  return check(name, faults.length > 0, faults.length > 0 ? faults.join(", ") : okText);
}

function seconds(name: string, value: number | null, max: number): SystemCheck {
  if (value === null) return unknown(name);
  return check(name, value > max, `at most ${count(value)} s in the last five minutes`);
}

function check(name: string, isBad: boolean, detail: string): SystemCheck {
  return { name, state: isBad ? "attention" : "ok", detail };
}

function unknown(name: string): SystemCheck {
  return { name, state: "unknown", detail: "not reported yet" };
}
