/**
 * Takes an event of Stripe. It says only which object to look at: the account's object then fetches the invoice, and a payment is fetched
 * here, so the order of events, doubles and losses do not matter.
 *
 * Answers 200 once the report is stored, and for objects that this product did not create. Stripe repeats any other event for days.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unavailable } from "../../edge/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId } from "../../identity/user-id.ts";
import { parseJson } from "../../json.ts";
import { messageOf } from "../../log.ts";
import { ACCOUNT_MARK, INVOICE_MARK } from "../../objects/stripe.ts";
import { readStripe, type StripeSettings } from "../../stripe/stripe-settings.ts";
import { isSigned } from "../../stripe/webhook-signature.ts";
import { MAX_BODY_BYTES } from "../body.ts";
import { receivePayment } from "./receive-payment.ts";

const OBJECT_DEADLINE_MS = 10_000;

const eventSchema = z.object({
  type: z.string(),
  data: z.object({
    object: z.object({
      id: z.optional(z.string()),
      metadata: z.nullish(z.record(z.string(), z.string())),
    }),
  }),
});
type Event = z.infer<typeof eventSchema>;

/** Events of a payment that may be a top-up. Those of a session that is not paid yet are followed by another one. */
const PAYMENTS: ReadonlySet<string> = new Set(["payment_intent.succeeded"]);
const SESSIONS: ReadonlySet<string> = new Set([
  "checkout.session.completed",
  "checkout.session.async_payment_succeeded",
]);

export async function receiveEvent(c: Context<AppEnv>): Promise<Response> {
  try {
    return await receive(c);
  } catch (thrown) {
    const { requestId, services } = c.var;
    services.log("error", "stripe_event_failed", { requestId, error: messageOf(thrown) });
    return unavailable("The event cannot be handled now.", requestId);
  }
}

async function receive(c: Context<AppEnv>): Promise<Response> {
  const { requestId } = c.var;
  const settings = readStripe(c.env);
  const secret = settings?.webhookSecret ?? null;
  if (settings === null || secret === null) {
    return problem(
      "not_configured",
      "Stripe needs both STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET: set them as secrets of this Worker.",
      requestId,
    );
  }
  const body = await readBytes(c.req.raw);
  if (body === null) {
    const message = `is larger than ${MAX_BODY_BYTES} bytes`;
    return problem("too_large", `The body ${message}.`, requestId, { errors: [{ path: "", message }] });
  }
  const signature = c.req.header("Stripe-Signature") ?? "";
  if (!(await isSigned(body, signature, secret, Date.now()))) {
    const detail =
      "Stripe-Signature is missing, over 300 s old, or not made of this body with STRIPE_WEBHOOK_SECRET: check that secret, and send the body as Stripe does.";
    return problem("invalid_request", detail, requestId);
  }
  const event = eventSchema.safeParse(parseJson(new TextDecoder().decode(body)));
  if (!event.success) return problem("invalid_request", "The body is not an event of Stripe.", requestId);
  return handle(c, event.data, settings);
}

/** @throws if Stripe or the account's object does not answer. */
async function handle(c: Context<AppEnv>, event: Event, settings: StripeSettings): Promise<Response> {
  const { type } = event;
  const { id } = event.data.object;
  if (id !== undefined && PAYMENTS.has(type)) return receivePayment(c, settings, { payment: id });
  if (id !== undefined && SESSIONS.has(type)) return receivePayment(c, settings, { session: id });
  return type.startsWith("invoice.") ? receiveInvoice(c, event) : c.json({ result: "ignored" });
}

/** Has the account's object fetch the invoice. @throws if it does not answer. */
async function receiveInvoice(c: Context<AppEnv>, { type, data }: Event): Promise<Response> {
  const { id: stripeId, metadata } = data.object;
  const user = metadata?.[ACCOUNT_MARK];
  const invoice = metadata?.[INVOICE_MARK];
  if (stripeId === undefined || invoice === undefined || !isUserId(user))
    return c.json({ result: "ignored" });
  const { limiter, settings } = c.var.services;
  const stub = limiter.stub(userSubject(user), settings.accountHome);
  const report = { invoice, stripeId, hasFailed: type === "invoice.payment_failed" };
  const isKnown = await withDeadline(stub.stripeReport(report), OBJECT_DEADLINE_MS, "account");
  return c.json({ result: isKnown ? "accepted" : "ignored" });
}

/** Null if it is too large. Never reads beyond the bound. */
async function readBytes(request: Request): Promise<Uint8Array | null> {
  if (Number(request.headers.get("Content-Length") ?? 0) > MAX_BODY_BYTES) return null;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
