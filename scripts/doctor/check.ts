/**
 * The vocabulary of the doctor: a patient, a check, and what a check may find.
 *
 * What is wrong always comes with its mend: the exact command or edit.
 */
import type { Account } from "./account.ts";
import type { Target } from "./target.ts";

export type Outcome =
  | { readonly kind: "ok"; readonly reason: string }
  | { readonly kind: "warn"; readonly reason: string; readonly mend: string }
  | { readonly kind: "fail"; readonly reason: string; readonly mend: string }
  | { readonly kind: "skipped"; readonly reason: string };

export type OutcomeKind = Outcome["kind"];

/**
 * What a check needs, or it is skipped aloud:
 * - `checkout`: this folder alone.
 * - `local`: a product that runs on this machine, with its secrets here.
 * - `cloudflare`: an account, a login and the network.
 * - `target`: a product that answers requests.
 */
export type Needs = "checkout" | "local" | "cloudflare" | "target";

export interface Patient {
  /** The folder of the checkout. */
  readonly root: string;
  /** Who is logged in at Cloudflare. Asked only where the place is `deployed`. */
  readonly account: Account;
  /** The running product; null where only the checkout is looked at. */
  readonly target: Target | null;
  /** Whether secrets and storage are this machine's or Cloudflare's. */
  readonly place: "local" | "deployed";
  /** Secrets that a deployment will bring along (`--secrets-file`). */
  readonly secretsFile: string | null;
}

export interface Check {
  /** Names it for `--only` and in JSON. */
  readonly id: string;
  readonly title: string;
  /** What is looked at, for `--help`. */
  readonly examines: string;
  readonly needs: Needs;
  run(patient: Patient): Promise<Outcome>;
}

export const ok = (reason: string): Outcome => ({ kind: "ok", reason });
export const warn = (reason: string, mend: string): Outcome => ({ kind: "warn", reason, mend });
export const fail = (reason: string, mend: string): Outcome => ({ kind: "fail", reason, mend });
export const skipped = (reason: string): Outcome => ({ kind: "skipped", reason });

/** Enough to see what is wrong without flooding the screen. */
const SHOWN = 3;

/** The first few of a list of faults, and how many more there are. */
export function few(faults: readonly string[]): string {
  const more = faults.length - SHOWN;
  return faults.slice(0, SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : "");
}
