/**
 * `kill -9` of the whole product in the middle of a load, ten times over. Every request carries an id, and the upstream
 * is ours and notes which ids reach it: what was admitted is known also where the client never heard.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hammer, request } from "./client.ts";
import { type Checkout, makeCheckout, PATIENT } from "./checkout.ts";
import { admitted, type Bucket, type Decided, FREE, leastAdmitted, overAdmission } from "./exact-bucket.ts";
import { eventually, freePort, newAccount, type Product, startProduct } from "./product.ts";

const KILLS = 10;
const MOST_LOAD_MS = 20_000;

/** A burst that lasts over several kills: they hit it full, in the middle and drained. */
const BURSTING: Bucket = { capacity: 600, perMs: 600 / 60_000 };
/** As a policy writes it. */
const tier = ({ capacity, perMs }: Bucket) => ({
  limits: [
    { name: "minute", kind: "bucket", tokens: perMs * 60_000, per: "minute", burst: capacity },
    { name: "month", kind: "quota", amount: 1_000_000, per: "month" },
  ],
});
const UNLIMITED = { limits: [] };
const TIERS = {
  anonymous: tier(FREE),
  free: tier(FREE),
  pro: tier(BURSTING),
  enterprise: UNLIMITED,
  partner: UNLIMITED,
};

/** What the upstream has seen: when each id arrived. */
const arrivals = new Map<string, number>();
let upstream: Server;
let checkout: Checkout;
let product: Product | null = null;

beforeAll(async () => {
  upstream = createServer((incoming, answer) => {
    const id = new URL(incoming.url ?? "", "http://upstream").searchParams.get("id");
    if (id !== null) arrivals.set(id, Date.now());
    answer.end("seen\n");
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const address = upstream.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  checkout = await makeCheckout({
    devVars: { ...PATIENT, UPSTREAM: `http://127.0.0.1:${address.port}` },
    policy: { tiers: TIERS },
  });
});

afterAll(async () => {
  await product?.run.kill();
  upstream?.closeAllConnections();
  upstream?.close();
  await checkout?.remove();
});

/** One request as it was sent, and what is known of its end. */
interface Sent {
  readonly id: string;
  readonly sentMs: number;
  denied: boolean;
  receivedMs: number | null;
}

/** One user of the load, and all that is known of its requests. */
class User {
  readonly bucket: Bucket;
  readonly #key: string;
  readonly #sent: Sent[] = [];

  constructor(bucket: Bucket, key: string) {
    this.bucket = bucket;
    this.#key = key;
  }

  /** What one write of this user reserves, in tokens, and a crash loses at most (core/reservation.ts). */
  get reserved(): number {
    const { capacity, perMs } = this.bucket;
    return Math.max(0.02 * capacity, Math.min(5_000 * perMs, 0.1 * capacity));
  }

  async ask(url: URL): Promise<void> {
    const id = crypto.randomUUID();
    const sent: Sent = { id, sentMs: Date.now(), denied: false, receivedMs: null };
    this.#sent.push(sent);
    const answer = await request(new URL(`/identify?id=${id}`, url), { headers: { "X-API-Key": this.#key } });
    expect([200, 429]).toContain(answer.status);
    expect(answer.headers["server-timing"]).not.toContain("fallback");
    sent.denied = answer.status === 429;
    sent.receivedMs = answer.receivedMs;
  }

  /** What was decided, as far as anybody can know: admitted is what reached the upstream. */
  history(): Decided[] {
    return this.#sent.flatMap(({ id, sentMs, denied, receivedMs }): Decided[] => {
      const arrivedMs = arrivals.get(id);
      if (arrivedMs !== undefined) return [{ allowed: true, cost: 1, sentMs, knownMs: arrivedMs }];
      return denied && receivedMs !== null ? [{ allowed: false, cost: 1, sentMs, knownMs: receivedMs }] : [];
    });
  }

  /** Requests that nobody has heard of: under way, or cut off by a kill and perhaps charged. */
  unheard(sinceMs = 0): readonly Sent[] {
    return this.#sent.filter(
      ({ id, sentMs, receivedMs }) => sentMs >= sinceMs && receivedMs === null && !arrivals.has(id),
    );
  }

  /** Whether every request under way was sent after a denial since `sinceMs` was known: less than a token was left then. */
  isDrained(sinceMs: number): boolean {
    const oldestMs = Math.min(...this.unheard(sinceMs).map(({ sentMs }) => sentMs));
    return this.#sent.some(
      ({ denied, sentMs, receivedMs }) => denied && sentMs >= sinceMs && (receivedMs ?? Infinity) <= oldestMs,
    );
  }

  /** Tokens that an exact bucket would have admitted and this one did not, at least. Counts up to the last denial. */
  lost(): number {
    const history = this.history();
    return leastAdmitted(this.bucket, history) - admitted(history);
  }

  /** How many requests the ledger may count: at most a reservation less with each kill, and perhaps those that were cut off. */
  ledgerBounds(kills: number): { least: number; most: number } {
    const seen = admitted(this.history());
    return { least: seen - kills * this.reserved, most: seen + this.unheard().length };
  }

  /** How many the ledger counts. */
  async ledger(url: URL): Promise<number> {
    const path = new URL("/api/v1/rate-limit/status", url);
    const answer = await request(path, { headers: { "X-API-Key": this.#key } });
    return Number(/"month":{"requests":(\d+)/.exec(answer.text)?.[1]);
  }
}

/** 64 clients, half of them one user's and half the other's, until `isOver`. */
async function load(url: URL, [one, other]: readonly [User, User], isOver: () => boolean): Promise<number> {
  const endMs = Date.now() + MOST_LOAD_MS;
  return hammer(
    64,
    () => isOver() || Date.now() > endMs,
    (client) => (client % 2 === 0 ? one : other).ask(url),
  );
}

it(
  "never over-admits across ten kills, and loses at most a reservation with each",
  { timeout: 240_000 },
  async ({ annotate }) => {
    const port = await freePort();
    product = await startProduct(checkout, { port });
    const free = new User(FREE, await newAccount(product, "free-user", "free"));
    const bursting = new User(BURSTING, await newAccount(product, "bursting-user", "pro"));
    const users = [free, bursting] as const;
    const notes: string[] = [];
    /** What the free user may have lost by now. */
    let mostLost = 0;

    for (let kill = 1; kill <= KILLS; kill++) {
      const { run, url } = product;
      const beganMs = Date.now();
      const loading = load(url, users, () => run.exit !== null);
      // The free user is drained by then, the bursting user at first in the middle of its burst.
      await eventually(MOST_LOAD_MS, "the free user is drained", () => free.isDrained(beganMs) || null);
      const oldestMs = Math.min(Date.now(), ...free.unheard(beganMs).map(({ sentMs }) => sentMs));
      await run.kill();
      await loading;

      for (const user of users) expect(overAdmission(user.bucket, user.history())).toBeLessThanOrEqual(0);
      // What was charged and then cut off: of less than a token, and of what came since the oldest of those requests.
      mostLost += 1 + FREE.perMs * (Date.now() - oldestMs);
      const lost = free.lost();
      expect(lost).toBeLessThanOrEqual(mostLost);
      mostLost += free.reserved;

      const killedMs = Date.now();
      product = await startProduct(checkout, { port });
      notes.push(`${lost.toFixed(2)} tokens lost, back after ${Date.now() - killedMs} ms`);
    }

    const { url } = product;
    const beganMs = Date.now();
    expect(await load(url, users, () => users.every((user) => user.isDrained(beganMs)))).toBe(0);
    for (const user of users) {
      const { least, most } = user.ledgerBounds(KILLS);
      expect(overAdmission(user.bucket, user.history())).toBeLessThanOrEqual(0);
      expect(user.lost()).toBeLessThanOrEqual(KILLS * user.reserved + user.unheard().length);
      const ledger = await user.ledger(url);
      expect(ledger).toBeGreaterThanOrEqual(least);
      expect(ledger).toBeLessThanOrEqual(most);
      notes.push(
        `admitted ${admitted(user.history())}, ${user.lost().toFixed(2)} lost in all, ledger ${ledger} of ${least} to ${most}`,
      );
    }
    await annotate(notes.join("; "));
  },
);
