/** Stripe's webhook: signatures, which the `stripe` package makes, reports of invoices, and payments that become credits. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Stripe } from "stripe";
import { TOLERANCE_MS } from "../../src/stripe/webhook-signature.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { startClock, stopClock } from "../durable-objects/fixture.ts";
import { admin, createAccount } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { FAKE_SECRET_KEY, StripeFake } from "../fixtures/stripe-fake.ts";

const SECRET = "whsec_test";
const VARIABLES = {
  STRIPE_SECRET_KEY: FAKE_SECRET_KEY,
  STRIPE_WEBHOOK_SECRET: SECRET,
  STRIPE_API_URL: "http://127.0.0.1:1",
};
const POLICY: PolicyDocument = {
  schema: 1,
  anonymousTier: "pro",
  defaultTier: "pro",
  billing: { currency: "USD" },
  tiers: { pro: { limits: [], plan: { base: "99" } } },
  routes: [{ match: "/a" }],
};
const { webhooks } = new Stripe("sk_test_1");
const cryptoProvider = Stripe.createSubtleCryptoProvider();

let stripe = new StripeFake(() => Date.now());
beforeEach(() => {
  startClock();
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  stripe = new StripeFake(() => Date.now());
  vi.stubGlobal("fetch", (input: string, init: RequestInit) => stripe.fetch(new Request(input, init)));
});
afterEach(() => {
  vi.unstubAllGlobals();
  stopClock();
});

interface Sent {
  readonly secret?: string;
  /** How long ago it was signed. */
  readonly ageMs?: number;
  readonly header?: (signed: string) => string | null;
}

const body = (type: string, object: object): string =>
  JSON.stringify({ id: "evt_1", object: "event", type, data: { object } });

/** Sends an event as Stripe does. */
async function send(
  edge: Edge,
  payload: string,
  { secret = SECRET, ageMs = 0, header }: Sent = {},
): Promise<Response> {
  const timestamp = Math.floor((Date.now() - ageMs) / 1_000);
  const signed = await webhooks.generateTestHeaderStringAsync({ payload, secret, timestamp, cryptoProvider });
  const signature = header ? header(signed) : signed;
  return edge.request("/api/v1/billing/stripe", {
    method: "POST",
    headers: signature === null ? {} : { "Stripe-Signature": signature },
    body: payload,
  });
}

const start = (bindings: Readonly<Record<string, unknown>> = {}): Promise<Edge> =>
  startEdge({ policy: POLICY, bindings: { ...VARIABLES, ...bindings } });

async function resultOf(response: Response): Promise<unknown> {
  expect(response.status).toBe(200);
  return Reflect.get(Object(await response.json()), "result");
}

describe("an event", () => {
  const PAYLOAD = body("customer.created", { id: "cus_1" });

  it("is taken if it is signed, also by one of several signatures, and up to five minutes old", async () => {
    const edge = await start();
    expect(await resultOf(await send(edge, PAYLOAD))).toBe("ignored");
    expect(await resultOf(await send(edge, PAYLOAD, { ageMs: TOLERANCE_MS - 1_000 }))).toBe("ignored");
    const rolled = (signed: string) => signed.replace(",v1=", `,v1=${"0".repeat(64)},v0=1,v1=`);
    expect(await resultOf(await send(edge, PAYLOAD, { header: rolled }))).toBe("ignored");
  });

  it.each<[string, Sent]>([
    ["no signature", { header: () => null }],
    ["the signature of another secret", { secret: "whsec_other" }],
    ["an old signature", { ageMs: TOLERANCE_MS + 1_000 }],
    ["one of the future", { ageMs: -TOLERANCE_MS - 2_000 }],
    [
      "one of another time",
      { header: (signed) => signed.replace(/t=\d+/, `t=${Math.floor(Date.now() / 1_000) + 1}`) },
    ],
    ["two times", { header: (signed) => `t=1,${signed}` }],
    ["only another scheme", { header: (signed) => signed.replace("v1=", "v0=") }],
    [
      "a signature after many wrong ones",
      { header: (signed) => signed.replace(",v1=", `${`,v1=${"0".repeat(64)}`.repeat(20)},v1=`) },
    ],
    ["a header without end", { header: (signed) => `${signed},${"x".repeat(4_000)}` }],
    ["an empty signature", { header: () => "t=,v1=" }],
  ])("with %s is 400, and nothing is fetched", async (_name, sent) => {
    const response = await send(await start(), body("payment_intent.succeeded", { id: "pi_1" }), sent);
    expect(await problemCode(response)).toBe("400 invalid_request");
    expect(stripe.calls).toEqual([]);
  });

  it("that was changed is 400", async () => {
    const edge = await start();
    const timestamp = Math.floor(Date.now() / 1_000);
    const signature = await webhooks.generateTestHeaderStringAsync({
      payload: PAYLOAD,
      secret: SECRET,
      timestamp,
      cryptoProvider,
    });
    const headers = { "Stripe-Signature": signature };
    const changed = await edge.request("/api/v1/billing/stripe", {
      method: "POST",
      headers,
      body: `${PAYLOAD} `,
    });
    expect(changed.status).toBe(400);
  });

  it("that is too large is 413, and one that is no event 400", async () => {
    const edge = await start();
    expect((await send(edge, body("x", { id: "x".repeat(1_100_000) }))).status).toBe(413);
    expect((await send(edge, "[]")).status).toBe(400);
    expect((await send(edge, "no JSON")).status).toBe(400);
  });

  it.each([{ STRIPE_WEBHOOK_SECRET: "" }, { STRIPE_SECRET_KEY: "" }])(
    "is 503 without %o",
    async (without) => {
      const response = await send(await start(without), PAYLOAD);
      expect(await problemCode(response)).toBe("503 not_configured");
    },
  );
});

it("is 503 if the configuration would send the secret key over an open network", async () => {
  const edge = await start({ STRIPE_API_URL: "http://stripe.example" });
  expect((await send(edge, body("payment_intent.succeeded", { id: "pi_1" }))).status).toBe(503);
  expect(stripe.calls).toEqual([]);
});

describe("an event of an invoice", () => {
  const reported: string[] = [];
  const watched = () => objectsWith((subject, method) => void reported.push(`${subject} ${method}`));
  beforeEach(() => void reported.splice(0));

  it("goes to the object of the account that it is marked with, which does not know it", async () => {
    const edge = await start({ USER_LIMITER: watched() });
    const user = await createAccount(edge);
    reported.splice(0);
    const metadata = { edge_limiter_account: user, edge_limiter_invoice: `${user}.20260101` };
    const response = await send(edge, body("invoice.paid", { id: "in_1", metadata }));
    expect(await resultOf(response)).toBe("ignored");
    expect(reported).toEqual([`user:${user} stripeReport`]);
  });

  it.each([
    {},
    { metadata: null },
    { metadata: { edge_limiter_account: "ann" } },
    { metadata: { edge_limiter_account: "not an id", edge_limiter_invoice: "a.20260101" } },
  ])("that this product did not create is ignored: %o", async (object) => {
    const edge = await start({ USER_LIMITER: watched() });
    expect(await resultOf(await send(edge, body("invoice.paid", { id: "in_1", ...object })))).toBe("ignored");
    expect(reported).toEqual([]);
  });

  it("is 503 if the object does not answer, so that Stripe sends it again", async () => {
    const failing = objectsWith((_subject, method) => {
      if (method === "stripeReport") throw new Error("the object is away");
    });
    const edge = await start({ USER_LIMITER: failing });
    const metadata = { edge_limiter_account: "ann", edge_limiter_invoice: "ann.20260101" };
    expect((await send(edge, body("invoice.paid", { id: "in_1", metadata }))).status).toBe(503);
  });
});

describe("a payment for credits", () => {
  const payment = (user: string, other: object = {}): void => {
    const metadata = { edge_limiter_account: user, edge_limiter_credit: "paid" };
    stripe.payments.set("pi_1", {
      id: "pi_1",
      status: "succeeded",
      currency: "usd",
      amount_received: 5_000,
      metadata,
      ...other,
    });
  };
  const SUCCEEDED = body("payment_intent.succeeded", {
    id: "pi_1",
    metadata: { edge_limiter_credit: "ignore me" },
  });
  const creditsOf = async (edge: Edge, user: string): Promise<unknown> => {
    const answer = await admin(edge, "GET", `/accounts/${encodeURIComponent(user)}/credits`);
    return Reflect.get(Object(await answer.json()), "credits");
  };

  it("becomes one credit of the amount that Stripe has, however many events there are", async () => {
    const edge = await start();
    const user = await createAccount(edge);
    payment(user);
    stripe.sessions.set("cs_1", {
      id: "cs_1",
      payment_status: "paid",
      payment_intent: "pi_1",
      metadata: { edge_limiter_account: user, edge_limiter_credit: "paid" },
    });
    const COMPLETED = body("checkout.session.completed", { id: "cs_1" });
    const events = [SUCCEEDED, COMPLETED, SUCCEEDED, COMPLETED];
    const results = await Promise.all(events.map(async (event) => resultOf(await send(edge, event))));
    expect(results.toSorted()).toEqual(["credited", "known", "known", "known"]);
    expect(await creditsOf(edge, user)).toMatchObject([
      { kind: "paid", currency: "USD", amount: "50.00", left: "50.00", source: "pi_1" },
    ]);
  });

  it("of a session counts once the session is paid, with the session's metadata", async () => {
    const edge = await start();
    const user = await createAccount(edge);
    payment(user, { metadata: {} });
    const metadata = { edge_limiter_account: user, edge_limiter_credit: "promotional" };
    const session = { id: "cs_1", payment_status: "unpaid", payment_intent: "pi_1", metadata };
    stripe.sessions.set("cs_1", session);
    const completed = body("checkout.session.completed", { id: "cs_1" });
    expect(await resultOf(await send(edge, completed))).toBe("ignored");
    stripe.sessions.set("cs_1", { ...session, payment_status: "paid" });
    const paid = body("checkout.session.async_payment_succeeded", { id: "cs_1" });
    expect(await resultOf(await send(edge, paid))).toBe("credited");
    expect(await creditsOf(edge, user)).toMatchObject([{ kind: "promotional", source: "pi_1" }]);
  });

  it.each([
    { status: "processing" },
    { status: "requires_payment_method" },
    { metadata: {} },
    { metadata: null },
  ])("that is none, whatever the event says, is ignored: %o", async (other) => {
    const edge = await start();
    const user = await createAccount(edge);
    payment(user, other);
    expect(await resultOf(await send(edge, SUCCEEDED))).toBe("ignored");
    expect(await creditsOf(edge, user)).toEqual([]);
  });

  it.each([
    { currency: "eur" },
    { currency: "ugx" },
    { amount_received: 0 },
    { metadata: { edge_limiter_account: "nobody-has-this-id", edge_limiter_credit: "paid" } },
    { metadata: { edge_limiter_account: "not an id", edge_limiter_credit: "paid" } },
    { metadata: { edge_limiter_account: "ann", edge_limiter_credit: "free" } },
  ])("that cannot become a credit is 409, and counted: %o", async (other) => {
    const edge = await start();
    const user = await createAccount(edge);
    payment(user, other);
    const response = await send(edge, SUCCEEDED);
    expect(await problemCode(response)).toBe("409 conflict");
    expect(JSON.stringify(edge.services.metrics.take())).toContain("stripeFailures");
    expect(await creditsOf(edge, user)).toEqual([]);
  });

  it("is 503 if Stripe does not answer, so that Stripe sends it again", async () => {
    const edge = await start();
    stripe.isAway = true;
    const response = await send(edge, SUCCEEDED);
    expect(response.status).toBe(503);
    expect(JSON.stringify(await response.json())).not.toContain(FAKE_SECRET_KEY);
  });
});
