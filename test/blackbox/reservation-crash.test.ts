/**
 * `kill -9` of the whole product between reserving and settling, three times: each reservation that a client knows of stays charged in full
 * until it is settled, and once all are settled, the user has used exactly what they cost.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { type Answer, hammer, request } from "./client.ts";
import { eventually, freePort, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

const KILLS = 3;
const CLIENTS = 16;
const USER = "llm-user";
const AMOUNT = 10_000_000;
const RESERVED = 4_000;
/** Of each kill: reservations that are answered before it. */
const BEFORE_KILL = 60;
/** Two of three stay open: fewer than 256 in all. */
const MAX_PER_KILL = 100;

const LIMITS = [{ name: "tokens", kind: "quota", unit: "tokens", amount: AMOUNT, per: "month" }];
const NONE = { limits: [] };
const TIERS = { anonymous: NONE, free: { limits: LIMITS }, pro: NONE, enterprise: NONE, partner: NONE };

let checkout: Checkout;
let product: Product | null = null;

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
});

afterAll(async () => {
  await product?.run.kill();
  await checkout?.remove();
});

const keySchema = z.object({ key: z.string() });
const decisionSchema = z.object({
  allowed: z.boolean(),
  limits: z.array(z.object({ remaining: z.number() })),
  reservation: z.optional(z.object({ id: z.string() })),
});

/** A reservation as far as its client knows. */
interface Sent {
  /** null: no answer came. It may have been made, and then stays charged. */
  id: string | null;
  /** What it cost. null: not settled as far as the client knows. */
  tokens: number | null;
  /** What its settlement said, from when it was sent. */
  asked: number | null;
}

it(
  "keeps each open reservation charged in full across three kills, and settles it exactly afterwards",
  { timeout: 240_000 },
  async ({ annotate }) => {
    const port = await freePort();
    product = await startProduct(checkout, { port });
    await publishPolicy(product, { tiers: TIERS });
    await newAccount(product, "service", "pro");
    const made = await request(new URL("/api/v1/admin/accounts/service/keys", product.url), {
      method: "POST",
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
      body: JSON.stringify({ scopes: ["check"] }),
    });
    const { key } = keySchema.parse(made.json());
    const post = (path: string, body: object): Promise<Answer> =>
      request(new URL(`/api/v1/rate-limit/${path}`, product?.url), {
        method: "POST",
        headers: { "X-API-Key": key, "Content-Type": "application/json" },
        body: JSON.stringify({ user: USER, ...body }),
      });
    const used = async (): Promise<number> => {
      const { limits } = decisionSchema.parse((await post("check", { peek: true })).json());
      return AMOUNT - (limits[0]?.remaining ?? 0);
    };

    const all: Sent[] = [];
    let n = 0;
    /** Reserves; settles every third one at once. */
    const ask = async (): Promise<void> => {
      const sent: Sent = { id: null, tokens: null, asked: null };
      all.push(sent);
      const i = n++;
      const answer = await post("check", { cost: { tokens: RESERVED }, reserve: { ttlMs: 3_600_000 } });
      expect(answer.status).toBe(200);
      sent.id = decisionSchema.parse(answer.json()).reservation?.id ?? expect.unreachable();
      if (i % 3 !== 0) return;
      sent.asked = (i * 37) % 5_000;
      const settled = await post("settle", { reservation: sent.id, cost: { tokens: sent.asked } });
      expect(settled.status).toBe(200);
      sent.tokens = sent.asked;
    };

    for (let kill = 1; kill <= KILLS; kill++) {
      const { run } = product;
      const before = n;
      const load = hammer(CLIENTS, () => run.exit !== null || n - before >= MAX_PER_KILL, ask);
      await eventually(60_000, "reservations are made", () => n - before >= BEFORE_KILL || null);
      await run.kill();
      await load;
      product = await startProduct(checkout, { port });
      // What is known to be settled counts at its cost, what is open in full; of what was cut off, nobody knows.
      const min = all.reduce((sum, { id, tokens, asked }) => {
        if (id === null) return sum;
        return sum + (tokens ?? Math.min(RESERVED, asked ?? RESERVED));
      }, 0);
      expect(await used()).toBeGreaterThanOrEqual(min);
    }

    // The clients that were cut off settle again. The answer to a settlement that had arrived is repeated.
    for (const sent of all) {
      if (sent.id === null || sent.tokens !== null) continue;
      sent.asked ??= 123;
      const settled = await post("settle", { reservation: sent.id, cost: { tokens: sent.asked } });
      expect(settled.status).toBe(200);
      sent.tokens = sent.asked;
    }
    const exact = all.reduce((sum, { tokens }) => sum + (tokens ?? 0), 0);
    const unknown = all.filter(({ id }) => id === null).length;
    // A crash counts a headroom of the quota twice at most: 65,536 tokens.
    const inTheQuota = await used();
    expect(inTheQuota).toBeGreaterThanOrEqual(exact);
    expect(inTheQuota).toBeLessThanOrEqual(exact + unknown * RESERVED + KILLS * 65_536);
    await annotate(
      `${all.length} reservations, ${unknown} without an answer; ${exact} tokens, ${inTheQuota} in the quota`,
    );
  },
);
