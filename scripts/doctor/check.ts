/**
 * The doctor's types: a check, the context it runs in, and its outcome.
 *
 * Every warning and failure carries its fix: the exact command or edit.
 */
import type { CloudflareAccount } from "./cloudflare-account.ts";
import type { Target } from "./target.ts";

export type CheckOutcome =
  | { readonly kind: "ok"; readonly reason: string }
  | { readonly kind: "warn"; readonly reason: string; readonly fix: string }
  | { readonly kind: "fail"; readonly reason: string; readonly fix: string }
  | { readonly kind: "skipped"; readonly reason: string };

export type CheckOutcomeKind = CheckOutcome["kind"];

/**
 * What a check needs. A check without it is reported as skipped.
 * - `checkout`: only this folder.
 * - `local`: a product on this machine, whose secrets are here.
 * - `cloudflare`: an account, a login and the network.
 * - `target`: a running product.
 */
export type Needs = "checkout" | "local" | "cloudflare" | "target";

export interface CheckContext {
  /** The folder of the checkout. */
  readonly root: string;
  /** The Cloudflare login. Read only if `place` is `deployed`. */
  readonly account: CloudflareAccount;
  /** The running product; null to check only the checkout. */
  readonly target: Target | null;
  /** Where secrets and storage are: on this machine or at Cloudflare. */
  readonly place: "local" | "deployed";
  /** Secrets to be uploaded with the deployment (`--secrets-file`). */
  readonly secretsFile: string | null;
}

export interface Check {
  /** Used by `--only` and in JSON. Stable. */
  readonly id: string;
  readonly title: string;
  /** What the check covers, for `--help`. */
  readonly examines: string;
  readonly needs: Needs;
  run(context: CheckContext): Promise<CheckOutcome>;
}

export const ok = (reason: string): CheckOutcome => ({ kind: "ok", reason });
export const warn = (reason: string, fix: string): CheckOutcome => ({ kind: "warn", reason, fix });
export const fail = (reason: string, fix: string): CheckOutcome => ({ kind: "fail", reason, fix });
export const skipped = (reason: string): CheckOutcome => ({ kind: "skipped", reason });

/** Enough to see the problem without flooding the screen. */
const SHOWN = 3;

/** The first three faults, and how many more there are. */
export function few(faults: readonly string[]): string {
  const more = faults.length - SHOWN;
  return faults.slice(0, SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : "");
}
