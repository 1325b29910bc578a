/** What of the system is well and what is not, by the thresholds of monitoring/alerts.yml, in words. Pure. */
import { count } from "../shell/format.ts";
import { type SystemReport, sumOf } from "./system-report.ts";

export interface Verdict {
  readonly name: string;
  readonly state: "well" | "look" | "unknown";
  readonly says: string;
}

/** As EdgeLimiterPolicyStale: KV may lag for a minute by itself. */
export const STALE_SECONDS = 120;
/** As EdgeLimiterOutboxLag. */
export const LAG_SECONDS = 300;

export interface Checks {
  /** Of /health and /ready; null: not answered. */
  readonly health: ReadonlyMap<string, string> | null;
  readonly ready: ReadonlyMap<string, string> | null;
}

export function verdictsOf(report: SystemReport, { health, ready }: Checks): readonly Verdict[] {
  const failures = sumOf(report.failures);
  const refused = ["refused", "failed"].reduce(
    (sum, name) => sum + (report.reloads.get(name)?.since ?? 0),
    0,
  );
  return [
    checked("Health", health, "the Worker runs by the newest policy, with its objects"),
    checked("Readiness", ready, "a limiter object answers"),
    report.circuits.length === 0
      ? unknown("Circuits")
      : verdict(
          "Circuits",
          report.circuits.some(({ isOpen }) => isOpen),
          report.circuits.map(({ target, isOpen }) => `${target}: ${isOpen ? "open" : "closed"}`).join(", "),
        ),
    verdict(
      "Limiter failures",
      failures.since > 0,
      `${count(failures.since)} calls of objects failed while this was open, of ${count(report.requests.since)} requests; ${count(failures.total)} since counting began`,
    ),
    seconds("Policy staleness", report.policyStaleSeconds, STALE_SECONDS, "in five minutes at most"),
    verdict(
      "Policy reads",
      refused > 0,
      refused > 0
        ? `${count(refused)} were refused or failed while this was open`
        : "none was refused or failed",
    ),
    seconds("Outbox lag", report.outboxLagSeconds, LAG_SECONDS, "in five minutes at most"),
    verdict(
      "Analytics",
      report.pointsDropped.since > 0,
      `${count(report.pointsDropped.since)} decisions lost to the reports while this was open; ${count(report.pointsDropped.total)} since counting began`,
    ),
    report.versions.length === 0
      ? unknown("Versions")
      : verdict(
          "Versions",
          report.versions.length > 1,
          report.versions.length > 1
            ? `${report.versions.join(" and ")}: a deploy is under way`
            : report.versions.join(""),
        ),
  ];
}

/** One sentence for all of it. */
export function verdictOf(verdicts: readonly Verdict[]): string {
  const looks = verdicts.filter(({ state }) => state === "look").map(({ name }) => name.toLowerCase());
  return looks.length === 0 ? "Everything that is measured is well." : `Have a look at: ${looks.join(", ")}.`;
}

function checked(name: string, checks: ReadonlyMap<string, string> | null, well: string): Verdict {
  if (checks === null) return { name, state: "look", says: "not answered" };
  const faults = [...checks].filter(([, said]) => said !== "ok").map(([what, said]) => `${what}: ${said}`);
  return verdict(name, faults.length > 0, faults.length > 0 ? faults.join(", ") : well);
}

function seconds(name: string, value: number | null, most: number, when: string): Verdict {
  if (value === null) return unknown(name);
  return verdict(name, value > most, `${count(value)} s ${when}`);
}

function verdict(name: string, isBad: boolean, says: string): Verdict {
  return { name, state: isBad ? "look" : "well", says };
}

function unknown(name: string): Verdict {
  return { name, state: "unknown", says: "nothing was told of it yet" };
}
