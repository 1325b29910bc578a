/**
 * `kill -9` of the whole product in the middle of a load, ten times. Every request carries an id, and the test's own upstream
 * records which ids arrive, so that admitted requests are known even if the client got no response.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hammer, request } from "./client.ts";
import { type Checkout, makeCheckout, LONG_DEADLINE } from "./checkout.ts";
import {
  admitted,
  type Bucket,
  type TimedDecision,
  FREE,
  minAdmitted,
  overAdmission,
} from "./exact-bucket.ts";
import { eventually, freePort, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

const KILLS = 10;
const MAX_LOAD_MS = 20_000;

/** A burst that outlasts several kills, which hit it full, partly used and drained. */
const BURSTING: Bucket = { capacity: 600, perMs: 600 / 60_000 };
/** A policy's tier with this bucket. */
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

/** When each id arrived at the upstream. */
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
    devVars: { ...LONG_DEADLINE, UPSTREAM: `http://127.0.0.1:${address.port}` },
  });
});

afterAll(async () => {
  await product?.run.kill();
  upstream?.closeAllConnections();
  upstream?.close();
  await checkout?.remove();
});

/** A request that was sent, and its known outcome. */
interface Sent {
  readonly id: string;
  readonly sentMs: number;
  denied: boolean;
  receivedMs: number | null;
}

/** A user of the load, with all their requests. */
class User {
  readonly bucket: Bucket;
  readonly #key: string;
  readonly #sent: Sent[] = [];

  constructor(bucket: Bucket, key: string) {
    this.bucket = bucket;
    this.#key = key;
  }

  /** The headroom of this user, tokens: the most that a crash loses (core/headroom.ts). */
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

  /** The known decisions: a request was admitted if it reached the upstream. */
  history(): TimedDecision[] {
    return this.#sent.flatMap(({ id, sentMs, denied, receivedMs }): TimedDecision[] => {
      const arrivedMs = arrivals.get(id);
      if (arrivedMs !== undefined) return [{ allowed: true, cost: 1, sentMs, knownMs: arrivedMs }];
      return denied && receivedMs !== null ? [{ allowed: false, cost: 1, sentMs, knownMs: receivedMs }] : [];
    });
  }

  /** Requests with an unknown outcome: in flight, or cut off by a kill and perhaps charged. */
  unresolved(sinceMs = 0): readonly Sent[] {
    return this.#sent.filter(
      ({ id, sentMs, receivedMs }) => sentMs >= sinceMs && receivedMs === null && !arrivals.has(id),
    );
  }

  /** Whether every request in flight was sent after a known denial since `sinceMs`, and so with less than a token left. */
  isDrained(sinceMs: number): boolean {
    const oldestMs = Math.min(...this.unresolved(sinceMs).map(({ sentMs }) => sentMs));
    return this.#sent.some(
      ({ denied, sentMs, receivedMs }) => denied && sentMs >= sinceMs && (receivedMs ?? Infinity) <= oldestMs,
    );
  }

  /** The minimum of tokens that an exact bucket would have admitted and this one did not, up to the last denial. */
  lost(): number {
    const history = this.history();
    return minAdmitted(this.bucket, history) - admitted(history);
  }

  /** The bounds of the ledger's count: at most one headroom less for each kill, and perhaps the requests that were interrupted. */
  ledgerBounds(kills: number): { min: number; max: number } {
    const seen = admitted(this.history());
    return { min: seen - kills * this.reserved, max: seen + this.unresolved().length };
  }

  /** The requests that the ledger counts. */
  async ledger(url: URL): Promise<number> {
    const path = new URL("/api/v1/rate-limit/status", url);
    const answer = await request(path, { headers: { "X-API-Key": this.#key } });
    return Number(/"month":{"requests":(\d+)/.exec(answer.text)?.[1]);
  }
}

/** Runs 64 clients, half of them for each user, until `isOver`. */
async function load(url: URL, [one, other]: readonly [User, User], isOver: () => boolean): Promise<number> {
  const endMs = Date.now() + MAX_LOAD_MS;
  return hammer(
    64,
    () => isOver() || Date.now() > endMs,
    (client) => (client % 2 === 0 ? one : other).ask(url),
  );
}

it(
  "never over-admits across ten kills, and loses at most one headroom with each kill",
  { timeout: 240_000 },
  async ({ annotate }) => {
    const port = await freePort();
    product = await startProduct(checkout, { port });
    await publishPolicy(product, { tiers: TIERS });
    const free = new User(FREE, await newAccount(product, "free-user", "free"));
    const bursting = new User(BURSTING, await newAccount(product, "bursting-user", "pro"));
    const users = [free, bursting] as const;
    const notes: string[] = [];
    /** The most that the free user may have lost so far. */
    let maxLost = 0;

    for (let kill = 1; kill <= KILLS; kill++) {
      const { run, url } = product;
      const beganMs = Date.now();
      const loading = load(url, users, () => run.exit !== null);
      // This drains the free user; the bursting user is at first in the middle of their burst.
      await eventually(MAX_LOAD_MS, "the free user is drained", () => free.isDrained(beganMs) || null);
      const oldestMs = Math.min(Date.now(), ...free.unresolved(beganMs).map(({ sentMs }) => sentMs));
      await run.kill();
      await loading;

      for (const user of users) expect(overAdmission(user.bucket, user.history())).toBeLessThanOrEqual(0);
      // Charged and then cut off: less than a token, and what was refilled since the oldest of those requests.
      maxLost += 1 + FREE.perMs * (Date.now() - oldestMs);
      const lost = free.lost();
      expect(lost).toBeLessThanOrEqual(maxLost);
      maxLost += free.reserved;

      const killedMs = Date.now();
      product = await startProduct(checkout, { port });
      notes.push(`${lost.toFixed(2)} tokens lost, back after ${Date.now() - killedMs} ms`);
    }

    const { url } = product;
    const beganMs = Date.now();
    expect(await load(url, users, () => users.every((user) => user.isDrained(beganMs)))).toBe(0);
    for (const user of users) {
      const { min, max } = user.ledgerBounds(KILLS);
      expect(overAdmission(user.bucket, user.history())).toBeLessThanOrEqual(0);
      expect(user.lost()).toBeLessThanOrEqual(KILLS * user.reserved + user.unresolved().length);
      const ledger = await user.ledger(url);
      expect(ledger).toBeGreaterThanOrEqual(min);
      expect(ledger).toBeLessThanOrEqual(max);
      notes.push(
        `admitted ${admitted(user.history())}, ${user.lost().toFixed(2)} lost in all, ledger ${ledger} of ${min} to ${max}`,
      );
    }
    await annotate(notes.join("; "));
  },
);
