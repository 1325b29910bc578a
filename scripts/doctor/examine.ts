/** Runs checks one after another and times them. A check whose needs the context cannot meet is reported as skipped. */
import {
  type Check,
  fail,
  type Needs,
  type CheckOutcome,
  type CheckOutcomeKind,
  type CheckContext,
  skipped,
} from "./check.ts";

export interface Finding {
  readonly check: Check;
  readonly outcome: CheckOutcome;
  readonly ms: number;
}

export type Summary = Readonly<Record<CheckOutcomeKind, number>>;

/** Yields each finding as soon as its check ends. `onStart` is called before each check. */
export async function* examine(
  checks: readonly Check[],
  context: CheckContext,
  onStart: (check: Check) => void = () => undefined,
): AsyncGenerator<Finding> {
  for (const check of checks) {
    onStart(check);
    const startedAtMs = performance.now();
    const reason = whySkipped(check.needs, context);
    const outcome = reason === null ? await run(check, context) : skipped(reason);
    yield { check, outcome, ms: performance.now() - startedAtMs };
  }
}

/** A check that throws has failed too, mostly because packages are missing. */
async function run(check: Check, context: CheckContext): Promise<CheckOutcome> {
  try {
    return await check.run(context);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return fail(
      `the check itself failed: ${message.trim().split("\n")[0]}`,
      "fix the failures above; if there are none, run npm ci",
    );
  }
}

function whySkipped(needs: Needs, { place, target }: CheckContext): string | null {
  switch (needs) {
    case "checkout":
      return null;
    case "local":
      return place === "local" ? null : "local products only";
    case "cloudflare":
      return place === "deployed" ? null : "deployed products only";
    case "target":
      return target ? null : "no product is checked";
  }
}

export function summarize(findings: readonly Finding[]): Summary {
  const summary = { ok: 0, warn: 0, fail: 0, skipped: 0 };
  for (const { outcome } of findings) summary[outcome.kind] += 1;
  return summary;
}
