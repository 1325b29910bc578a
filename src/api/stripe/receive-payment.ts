/**
 * A payment for prepaid credits, which becomes a credit of the account that its metadata name, once: the payment's id is the credit's source.
 *
 * Amount and currency are those of the payment as Stripe has it now, never those of the event.
 */
import type { Context } from "hono";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unavailable } from "../../edge/problem.ts";
import { noPolicy } from "../../edge/steps.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId } from "../../identity/user-id.ts";
import { CREDIT_KINDS, type CreditAnswer, type CreditKind } from "../../objects/billing.ts";
import { ACCOUNT_MARK, CREDIT_MARK } from "../../objects/stripe.ts";
import { fromStripeAmount } from "../../stripe/stripe-amount.ts";
import { StripeClient, type StripeRejection } from "../../stripe/stripe-client.ts";
import { type PaymentAtStripe, paymentSchema, sessionSchema } from "../../stripe/stripe-objects.ts";
import type { StripeSettings } from "../../stripe/stripe-settings.ts";

const OBJECT_DEADLINE_MS = 10_000;

type Metadata = Readonly<Record<string, string>>;

/** Whose credit it becomes, and of which kind. */
interface TopUp {
  readonly user: string;
  readonly kind: CreditKind;
}

/** @throws if Stripe or the account's object does not answer. */
export async function receivePayment(
  c: Context<AppEnv>,
  settings: StripeSettings,
  of: { readonly payment: string } | { readonly session: string },
): Promise<Response> {
  const client = new StripeClient(settings);
  if ("payment" in of) return payment(c, client, of.payment, null);
  const found = await client.get(`checkout/sessions/${encodeURIComponent(of.session)}`, sessionSchema);
  if (found.kind !== "ok") return rejectedByStripe(c, found);
  const { payment_status: status, payment_intent: id, metadata } = found.value;
  if (status !== "paid" || !id || !metadata?.[CREDIT_MARK]) return ignored(c);
  return payment(c, client, id, metadata);
}

/** @param marks the session's metadata; null: the payment's own count. */
async function payment(
  c: Context<AppEnv>,
  client: StripeClient,
  id: string,
  marks: Metadata | null,
): Promise<Response> {
  const found = await client.get(`payment_intents/${encodeURIComponent(id)}`, paymentSchema);
  if (found.kind !== "ok") return rejectedByStripe(c, found);
  const { status, metadata } = found.value;
  const topUp = topUpOf(marks ?? metadata ?? {});
  if (status !== "succeeded" || topUp === null) return ignored(c);
  if (topUp === "invalid") return failed(c, `metadata ${ACCOUNT_MARK} or ${CREDIT_MARK} is not valid`);
  return credit(c, found.value, topUp);
}

/** Null: it is none. */
function topUpOf(marks: Metadata): TopUp | "invalid" | null {
  if (marks[CREDIT_MARK] === undefined) return null;
  const kind = CREDIT_KINDS.find((known) => known === marks[CREDIT_MARK]);
  const user = marks[ACCOUNT_MARK];
  return kind === undefined || !isUserId(user) ? "invalid" : { user, kind };
}

async function credit(
  c: Context<AppEnv>,
  { id, currency: code, amount_received: received }: PaymentAtStripe,
  { user, kind }: TopUp,
): Promise<Response> {
  const { services, requestId } = c.var;
  const nowMs = Date.now();
  const policy = await services.policies.current(nowMs, (work) => c.executionCtx.waitUntil(work));
  if (!policy) return noPolicy(requestId);
  const currency = code.toUpperCase();
  const amount = fromStripeAmount(currency, received);
  if (amount === null) return failed(c, `payments in ${currency} cannot become credits`);
  const input = {
    id: crypto.randomUUID(),
    kind,
    amount,
    currency,
    effectiveMs: null,
    expiresMs: null,
    source: id,
  };
  const subject = userSubject(user);
  const stub = services.limiter.stub(subject, services.settings.accountHome);
  const call = stub.addCredit(input, policy.revision, { actor: "stripe", reason: id });
  const answer = await withDeadline<CreditAnswer>(call, OBJECT_DEADLINE_MS, "account");
  if (answer.kind !== "credit") return failed(c, `the account ${user} takes no such credit: ${answer.kind}`);
  // This isolate must not deny by what it knew before.
  services.limiter.forget(subject, nowMs);
  return c.json({ result: answer.isNew ? "credited" : "known" });
}

function ignored(c: Context<AppEnv>): Response {
  return c.json({ result: "ignored" });
}

/** Somebody has paid, and has nothing of it: Stripe shows this, and tries again for some days. */
function failed(c: Context<AppEnv>, detail: string): Response {
  const { services, requestId } = c.var;
  services.metrics.add("stripeFailures", ["top_up"]);
  services.log("error", "stripe_top_up_failed", { requestId, detail });
  return problem("conflict", `The payment became no credit: ${detail}.`, requestId);
}

function rejectedByStripe(c: Context<AppEnv>, { status, code }: StripeRejection): Response {
  return unavailable(`Stripe has answered ${status} ${code}.`, c.var.requestId);
}
