/** The demo's limits as its users see them, and the exactness of one limit under load. */
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { parseList } from "structured-headers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type Answer, hammer, leave, request } from "./client.ts";
import { type Checkout, makeCheckout, LONG_DEADLINE } from "./checkout.ts";
import {
  admitted,
  type Bucket,
  type TimedDecision,
  FREE,
  minAdmitted,
  overAdmission,
} from "./exact-bucket.ts";
import { keysFile, newAccount, type Product, startProduct } from "./product.ts";

const used = z.object({ usage: z.object({ month: z.object({ requests: z.number() }) }) });

let checkout: Checkout;
let product: Product;

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
  product = await startProduct(checkout);
});

afterAll(async () => {
  await product?.run.stop();
  await checkout?.remove();
  // None of this prints a warning or an error.
  expect(product.run.trouble).toEqual([]);
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  request(new URL(path, product.url), { headers });
const withKey = (key: string) => ({ "X-API-Key": key });

async function demoKey(tier: string): Promise<string> {
  const keys: unknown = JSON.parse(await readFile(keysFile(checkout), "utf8"));
  const [, key] = Object.entries(keys ?? {}).find(([name]) => name === tier) ?? [];
  return String(key);
}

/** Sends `count` requests at once. */
const burst = (count: number, ask: (n: number) => Promise<Answer>): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => ask(n)));

function decided(answer: Answer, cost = 1): TimedDecision {
  // The fallback has other bounds, and any other status is an error.
  expect(answer.headers["server-timing"]).not.toContain("fallback");
  expect([200, 429]).toContain(answer.status);
  const { sentMs, receivedMs: knownMs } = answer;
  return { allowed: answer.status === 200, cost, sentMs, knownMs };
}

/** At most what the isolate was lent and did not spend is missing: less than 6 % of a bucket of these tiers. */
const MAX_LENT_SHARE = 0.06;

function expectExact(bucket: Bucket, requests: readonly TimedDecision[]): void {
  expect(overAdmission(bucket, requests)).toBeLessThanOrEqual(0);
  const lent = MAX_LENT_SHARE * bucket.capacity;
  expect(admitted(requests)).toBeGreaterThan(minAdmitted(bucket, requests) - lent);
}

describe("the free tier", () => {
  it("admits a burst of 150 of 160, and denies the rest with a problem", async () => {
    const key = await demoKey("free");
    const answers = await burst(160, () => get("/identify", withKey(key)));
    expectExact(
      FREE,
      answers.map((answer) => decided(answer)),
    );
    const denied = answers.filter(({ status }) => status === 429);
    expect(denied.length).toBeGreaterThan(0);
    for (const answer of denied) {
      expect(answer.headers["content-type"]).toBe("application/problem+json");
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
      expect(answer.json()).toMatchObject({
        type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
        status: 429,
        code: "quota_exceeded",
        requestId: answer.headers["x-request-id"],
        "violated-policies": ["minute"],
      });
    }
  });

  it("charges 2 for /compare, and nothing for a denied request", async () => {
    const key = await newAccount(product, "compares", "free");
    const answers = await burst(100, () => get("/compare?a=curl&b=curl", withKey(key)));
    const comparisons = answers.map((answer) => decided(answer, 2));
    expectExact(FREE, comparisons);
    // The denials took nothing: the next token is there when the header says so.
    await setTimeout(1_000 * Number(answers.at(-1)?.headers["retry-after"] ?? 2));
    expect((await get("/compare?a=curl&b=curl", withKey(key))).status).toBe(200);
  });
});

it("never limits /health", async () => {
  const answers = await burst(300, () => get("/health"));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(answers.some(({ headers }) => "ratelimit" in headers)).toBe(false);
});

it("never denies enterprise", async () => {
  const key = await demoKey("enterprise");
  const answers = await burst(600, () => get("/identify", withKey(key)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});

describe("callers without a credential", () => {
  const from = (address: string) => get("/identify", { "CF-Connecting-IP": address });

  it("have a bucket per address", async () => {
    const answers = await burst(60, () => from("192.0.2.1"));
    expectExact(
      { capacity: 45, perMs: 30 / 60_000 },
      answers.map((answer) => decided(answer)),
    );
    expect((await from("192.0.2.2")).status).toBe(200);
  });

  it("share it within an IPv6 /64, and with nobody outside it", async () => {
    const answers = await burst(60, (n) => from(`2001:db8:0:1:${n.toString(16)}::1`));
    expectExact(
      { capacity: 45, perMs: 30 / 60_000 },
      answers.map((answer) => decided(answer)),
    );
    expect((await from("2001:db8:0:2::1")).status).toBe(200);
  });
});

it("admits for 64 clients of one user what one exact bucket would, to within a token", async ({
  annotate,
}) => {
  const key = await newAccount(product, "hammered", "free");
  const requests: TimedDecision[] = [];
  const endMs = Date.now() + 6_000;
  const unanswered = await hammer(
    64,
    () => Date.now() > endMs,
    async () => {
      requests.push(decided(await get("/identify", withKey(key))));
    },
  );
  expect(unanswered).toBe(0);
  await annotate(
    `${requests.length} requests: admitted ${admitted(requests)}, an exact bucket at least ` +
      `${minAdmitted(FREE, requests).toFixed(2)}; the worst window is ${overAdmission(FREE, requests).toFixed(2)} above its bound`,
  );
  expectExact(FREE, requests);
});

it.each(["pro", "enterprise"])(
  "clients that leave during their request do not delay concurrent requests, and are charged at most once: %s",
  async (tier) => {
    const headers = withKey(await newAccount(product, `left-${tier}`, tier));
    const url = new URL("/identify", product.url);
    let sent = 0;
    let passed = 0;
    for (let wave = 0; wave < 10; wave++) {
      // Before, during or after a call of a few milliseconds.
      const leaving = Array.from({ length: 32 }, (_, n) => leave(url, headers, n % 8));
      const answers = await burst(32, () => get("/identify", headers));
      await Promise.all(leaving);
      sent += 64;
      passed += answers.filter((answer) => decided(answer).allowed).length;
    }
    expect(passed).toBe(320);
    const requests = async (): Promise<number> => {
      const status = z.parse(used, (await get("/api/v1/rate-limit/status", headers)).json());
      return status.usage.month.requests;
    };
    // A lease is settled a second later.
    await expect.poll(requests, { timeout: 10_000, interval: 100 }).toBeGreaterThanOrEqual(passed);
    expect(await requests()).toBeLessThanOrEqual(sent);
  },
);

/** A limit's fields by the names of the draft: q and w, or r and t. */
function fieldOf(
  answer: Answer,
  header: "ratelimit" | "ratelimit-policy",
  name: string,
): Record<string, unknown> {
  const item = parseList(String(answer.headers[header])).find(([value]) => value === name);
  return Object.fromEntries(item?.[1] ?? []);
}

describe("the limit fields", () => {
  it("are lists of RFC 9651 with each limit's size and window", async () => {
    const answer = await get("/identify", withKey(await newAccount(product, "reads-policy", "free")));
    expect(fieldOf(answer, "ratelimit-policy", "minute")).toEqual({ q: 150, w: 90 });
    const date = new Date(answer.receivedMs);
    const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
    expect(fieldOf(answer, "ratelimit-policy", "month")).toEqual({ q: 50_000, w: days * 86_400 });
    expect(parseList(String(answer.headers["ratelimit"])).map(([name]) => name)).toEqual(["minute", "month"]);
  });

  it("are exact to the second, even after a wait, but for what is lent", async () => {
    const key = await newAccount(product, "reads-limits", "free");
    const answers: Answer[] = [];
    const ask = async (): Promise<void> => {
      answers.push(await get("/identify", withKey(key)));
    };
    for (let i = 0; i < 20; i++) await ask();
    await setTimeout(2_500);
    await ask();

    const [first] = answers;
    if (!first) throw new Error("nothing was asked");
    answers.forEach((answer, i) => {
      // Bounds of the bucket's level: for a decision as early, and as late, as the clocks allow.
      const level = (ms: number): number => Math.min(150 - 1, 150 - (i + 1) + Math.max(0, ms) * FREE.perMs);
      const least = level(answer.sentMs - first.receivedMs);
      const most = level(answer.receivedMs - first.sentMs);
      const { r, t } = fieldOf(answer, "ratelimit", "minute");
      // What the object has lent counts as spent, until the isolate's answers show how much of it is left.
      const lent = MAX_LENT_SHARE * 150;
      expect(r).toBeGreaterThanOrEqual(Math.floor(least - lent));
      expect(r).toBeLessThanOrEqual(Math.floor(most));
      expect(t).toBeGreaterThanOrEqual(Math.ceil((150 - most) / FREE.perMs / 1_000));
      expect(t).toBeLessThanOrEqual(Math.ceil((150 - least + lent) / FREE.perMs / 1_000));

      const date = new Date(answer.receivedMs);
      const monthEndMs = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
      const month = fieldOf(answer, "ratelimit", "month");
      expect(month["r"]).toBeLessThanOrEqual(50_000 - (i + 1));
      expect(month["r"]).toBeGreaterThanOrEqual(50_000 - (i + 1) - lent);
      expect(month["t"]).toBeGreaterThanOrEqual(Math.ceil((monthEndMs - answer.receivedMs) / 1_000));
      expect(month["t"]).toBeLessThanOrEqual(Math.ceil((monthEndMs - answer.sentMs) / 1_000));

      expect(Object.keys(answer.headers).filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
    });
  });

  it("give the time of a retry, which is then admitted", async () => {
    const key = await newAccount(product, "comes-back", "free");
    const answers = await burst(170, () => get("/identify", withKey(key)));
    const denied = answers.find(({ status }) => status === 429);
    if (!denied) throw new Error("nothing was denied");
    const { r, t } = fieldOf(denied, "ratelimit", "minute");
    expect(r).toBe(0);
    // A token comes every 600 ms.
    expect(t).toBe(1);
    expect(denied.headers["retry-after"]).toBe("1");
    await setTimeout(1_000);
    expect((await get("/identify", withKey(key))).status).toBe(200);
  });
});
