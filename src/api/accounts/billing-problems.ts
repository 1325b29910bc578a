/** Why a change of an account's terms or credits is rejected, as problems. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import type { NoBilling, TierRejection } from "../../objects/billing.ts";
import { noAccount } from "./account-object.ts";

export function isTierRejection<T extends { readonly kind: string }>(
  answer: T | TierRejection,
): answer is TierRejection {
  return TIER_REJECTIONS.has(answer.kind);
}

export function tierProblem(c: Context<AppEnv>, rejection: TierRejection): Response {
  switch (rejection.kind) {
    case "too-many-segments": {
      const detail =
        "The terms have changed as often as a billing period allows. Change them in the next one.";
      return problem("conflict", detail, c.var.requestId);
    }
    case "no-cap": {
      const detail =
        "The account has a budget, which the prices of this tier do not allow. Remove the budget first.";
      return problem("conflict", detail, c.var.requestId);
    }
    case "currency-differs":
      return currencyProblem(c, rejection.currency);
  }
}

/** 409: the open period is in another currency. */
export function currencyProblem(c: Context<AppEnv>, currency: string): Response {
  return problem("currency_differs", `The open billing period is in ${currency}.`, c.var.requestId);
}

export function noBilling(c: Context<AppEnv>, { kind }: NoBilling): Response {
  if (kind === "absent") return noAccount(c);
  const detail = "The policy in force has no billing, so the account has no billing period.";
  return problem("conflict", detail, c.var.requestId);
}

/** By kind, so that a new one cannot be forgotten. */
const KINDS = { "too-many-segments": true, "no-cap": true, "currency-differs": true } satisfies Record<
  TierRejection["kind"],
  true
>;
const TIER_REJECTIONS: ReadonlySet<string> = new Set(Object.keys(KINDS));
