/** Credits of an account: given once for each source, listed, and taken back as far as nothing has accrued on them. */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { isUserId } from "../../identity/user-id.ts";
import {
  CREDIT_KINDS,
  type CreditAnswer,
  type CreditRejection,
  type CreditsAnswer,
  type CreditView,
  type RemovedCreditAnswer,
} from "../../objects/billing.ts";
import { ask, changeBy } from "../ask.ts";
import { invalidContent, readBody } from "../body.ts";
import { ACCOUNT, type Endpoints } from "../endpoint.ts";
import { instant, reason } from "../fields.ts";
import { plainText } from "../plain-text.ts";
import { readQuery } from "../query.ts";
import { iso, isoOrNull } from "../rfc3339.ts";
import { noAccount, stubOf } from "./account-object.ts";
import { money } from "./billing.ts";
import { currencyProblem, noBilling } from "./billing-problems.ts";

const newCreditSchema = z
  .strictObject({
    kind: z.enum(CREDIT_KINDS),
    amount: money,
    /** Default: the open period's. */
    currency: z.optional(
      z.string().check(z.regex(/^[A-Z]{3}$/, "must be a code of ISO 4217 in capitals, such as USD")),
    ),
    /** Default: now. */
    effective: z.optional(instant),
    /** Default: never. */
    expires: z.optional(z.nullable(instant)),
    /** What it is given for, such as a payment's id. The same source gives a credit once. */
    source: plainText(200).check(z.minLength(1)),
    reason,
  })
  .check(
    z.refine(
      ({ effective, expires }) => !effective || !expires || Date.parse(effective) < Date.parse(expires),
      { error: "must be after effective", path: ["expires"] },
    ),
  );

const removalQuery = z.strictObject({ reason });

export const CREDITS = {
  addCredit: {
    method: "POST",
    path: `${ACCOUNT}/credits`,
    access: "operator",
    body: newCreditSchema,
    idempotent: true,
    handler: addCredit,
  },
  listCredits: { method: "GET", path: `${ACCOUNT}/credits`, access: "viewer", handler: listCredits },
  removeCredit: {
    method: "DELETE",
    path: `${ACCOUNT}/credits/:creditId`,
    access: "operator",
    query: removalQuery,
    idempotent: true,
    handler: removeCredit,
  },
} as const satisfies Endpoints;

async function addCredit(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const body = await readBody(c, newCreditSchema);
  if (!body.ok) return body.response;
  const { kind, amount, currency = null, effective, expires, source } = body.value;
  const credit = {
    id: crypto.randomUUID(),
    kind,
    amount,
    currency,
    effectiveMs: effective === undefined ? null : Date.parse(effective),
    expiresMs: expires ? Date.parse(expires) : null,
    source,
  };
  const by = await changeBy(c, body.value);
  const call = stubOf(c, id).addCredit(credit, c.var.policy.revision, by);
  return ask<CreditAnswer>(c, "account", call, (answer) => {
    switch (answer.kind) {
      case "credit":
        return c.json(creditResponse(answer.credit), answer.isNew ? 201 : 200);
      case "absent":
      case "not-billed":
        return noBilling(c, answer);
      default:
        return rejected(c, answer);
    }
  });
}

async function listCredits(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const call = stubOf(c, id).credits(c.var.policy.revision);
  return ask<CreditsAnswer>(c, "account", call, (answer) =>
    answer.kind === "credits"
      ? c.json({ credits: answer.credits.map(creditResponse) })
      : noBilling(c, answer),
  );
}

async function removeCredit(c: Context<AppEnv>): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!isUserId(id)) return noAccount(c);
  const query = readQuery(c, removalQuery);
  if (!query.ok) return query.response;
  const { revision } = c.var.policy;
  const by = await changeBy(c, query.value);
  const call = stubOf(c, id).removeCredit(c.req.param("creditId") ?? "", revision, by);
  return ask<RemovedCreditAnswer>(c, "account", call, (answer) => {
    if (answer.kind === "removed") {
      return c.json({ ...creditResponse(answer.credit), removed: answer.removed });
    }
    if (answer.kind === "no-credit") {
      return problem("not_found", "The account has no credit with this id.", c.var.requestId);
    }
    return noBilling(c, answer);
  });
}

function rejected(c: Context<AppEnv>, rejection: CreditRejection): Response {
  const { requestId } = c.var;
  switch (rejection.kind) {
    case "bad-amount": {
      const { decimals } = rejection;
      const message = `must be above 0 and have at most ${decimals} decimals in the account's currency`;
      return invalidContent(requestId, [{ path: "/amount", message }]).response;
    }
    case "currency-differs":
      return currencyProblem(c, rejection.currency);
    case "period-closed": {
      const detail = `The open billing period began at ${iso(rejection.startMs)}: earlier ones have ended.`;
      return problem("period_closed", detail, requestId);
    }
    case "source-used": {
      const detail = `The credit ${rejection.id} has this source, but another kind or amount.`;
      return problem("conflict", detail, requestId);
    }
    case "too-many":
      return problem("conflict", "The account has the maximum number of credits.", requestId);
  }
}

function creditResponse({ effectiveMs, expiresMs, createdMs, ...credit }: CreditView) {
  return {
    ...credit,
    effective: iso(effectiveMs),
    expires: isoOrNull(expiresMs),
    createdAt: iso(createdMs),
  };
}
