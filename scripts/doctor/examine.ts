/** Runs checks one after another, skips aloud what the patient cannot be asked, and takes the time. */
import {
  type Check,
  fail,
  type Needs,
  type Outcome,
  type OutcomeKind,
  type Patient,
  skipped,
} from "./check.ts";

export interface Finding {
  readonly check: Check;
  readonly outcome: Outcome;
  readonly ms: number;
}

export type Summary = Readonly<Record<OutcomeKind, number>>;

/** Yields each finding as soon as it is there. `onStart` hears of a check before it runs. */
export async function* examine(
  checks: readonly Check[],
  patient: Patient,
  onStart: (check: Check) => void = () => undefined,
): AsyncGenerator<Finding> {
  for (const check of checks) {
    onStart(check);
    const startedAtMs = performance.now();
    const reason = whySkipped(check.needs, patient);
    const outcome = reason === null ? await run(check, patient) : skipped(reason);
    yield { check, outcome, ms: performance.now() - startedAtMs };
  }
}

/** A check that breaks has found something too: mostly that packages are missing. */
async function run(check: Check, patient: Patient): Promise<Outcome> {
  try {
    return await check.run(patient);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return fail(
      `could not be checked: ${message.trim().split("\n")[0]}`,
      "mend what failed above; else npm ci",
    );
  }
}

function whySkipped(needs: Needs, { place, target }: Patient): string | null {
  switch (needs) {
    case "checkout":
      return null;
    case "local":
      return place === "local" ? null : "this looks at what is deployed; its secrets are not here";
    case "cloudflare":
      return place === "deployed" ? null : "Cloudflare only; this looks at nothing deployed";
    case "target":
      return target ? null : "only the checkout is looked at";
  }
}

export function summarize(findings: readonly Finding[]): Summary {
  const summary = { ok: 0, warn: 0, fail: 0, skipped: 0 };
  for (const { outcome } of findings) summary[outcome.kind] += 1;
  return summary;
}
