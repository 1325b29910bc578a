/** Checks Stripe's secrets: both are set, or none. Never prints one. */
import { join } from "node:path";
import { type CheckContext, type CheckOutcome, fail, ok, warn } from "./check.ts";
import { readSecrets } from "./configuration.ts";

const FILE = ".dev.vars";
const NAMES = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"] as const;
const GUIDE = "docs/stripe.md#set-it-up";

export async function localStripe({ root }: CheckContext): Promise<CheckOutcome> {
  const secrets = (await readSecrets(join(root, FILE))) ?? {};
  const set = NAMES.filter((name) => secrets[name]);
  const half = halfSet(set);
  if (half) return fail(`${FILE}: ${half}`, `set both, or remove both (${GUIDE})`);
  const key = secrets["STRIPE_SECRET_KEY"] ?? "";
  if (key !== "" && !/^(sk|rk)_(test|live)_/.test(key)) {
    return warn(`${FILE}: STRIPE_SECRET_KEY does not look like a key of Stripe`, `see ${GUIDE}`);
  }
  if (/^(sk|rk)_live_/.test(key)) {
    const reason = `${FILE} has a live key of Stripe: invoices of this machine would be sent to customers`;
    return warn(reason, "use a key of Stripe's test mode (sk_test_…)");
  }
  return ok(set.length === 0 ? "not used" : `${FILE} has ${NAMES.join(", ")}, of test mode`);
}

/** What is wrong if only some of the names are set; null: nothing. */
export function halfSet(set: readonly (string | null)[]): string | null {
  const missing = NAMES.filter((name) => !set.includes(name));
  if (missing.length !== 1) return null;
  const there = NAMES.find((name) => set.includes(name));
  return `${there} is set, but ${missing.join()} is not`;
}
