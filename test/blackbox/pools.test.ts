/**
 * A pool of three origins in the started product, under load, while one of them fails in every way, and then all of them: no POST reaches
 * origins twice, no GET fails while an origin works, and the failing origin is left out and comes back by itself.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { NoAnswer, request } from "./client.ts";
import { BODY, FaultyOrigin } from "./faulty-origin.ts";
import { newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

const CLIENTS = 12;
/** How long a fault lasts at least, and the load between two edits. */
const FAULT_MS = 2_500;
const QUIET_MS = 500;
/** On a busy machine. */
const POLL = { timeout: 15_000, interval: 50 };
/** Generous: the machine is busy with the load itself. */
const TIMEOUT_MS = 6_000;
const TRY_MS = 1_000;
const EJECT_MS = 500;
/** Many, so that requests of every kind are among them. */
const FAILURES = 20;
const METHODS = ["GET", "POST", "PUT", "POST"] as const;

let checkout: Checkout;
let product: Product;
let origins: FaultyOrigin[];
let key: string;
let sent = 0;

beforeAll(async () => {
  origins = await Promise.all([FaultyOrigin.start(), FaultyOrigin.start(), FaultyOrigin.start()]);
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
  product = await startProduct(checkout);
  key = await newAccount(product, "pooled", "enterprise");
  await publish({});
});

afterEach(async () => {
  await Promise.all(origins.map((origin) => origin.recover()));
});

afterAll(async () => {
  await product?.run.stop();
  for (const origin of origins ?? []) origin.close();
  await checkout?.remove();
});

async function publish(more: object): Promise<void> {
  await publishPolicy(product, {
    upstreams: {
      api: {
        targets: origins.map(({ url }) => ({ url })),
        retry: { attempts: 2, on: ["connect", "timeout", 502, 503, 504], tryTimeoutMs: TRY_MS },
        eject: { failures: FAILURES, forMs: EJECT_MS },
        probe: { path: "/health", timeoutMs: 400 },
        ...more,
      },
    },
    routes: [{ match: "/pooled/*", upstream: "pool:api", timeoutMs: TIMEOUT_MS }],
  });
}

interface Sent {
  readonly method: string;
  /** 0: the connection broke before the answer was whole. */
  readonly status: number;
  readonly tookMs: number;
}

/** Sends a request of its own path. */
async function send(method: string): Promise<Sent> {
  const path = `/pooled/${method.toLowerCase()}-${sent++}`;
  const startedMs = Date.now();
  const headers = { "X-API-Key": key };
  const init = method === "GET" ? { headers } : { method, headers, body: "content" };
  const answer = await request(new URL(path, product.url), init).catch((thrown: unknown) => {
    if (thrown instanceof NoAnswer) return null;
    throw thrown;
  });
  const isWhole = answer !== null && (answer.status !== 200 || answer.text === BODY);
  return { method, status: isWhole ? answer.status : 0, tookMs: Date.now() - startedMs };
}

/** Sends requests from several clients without a pause until `until` has resolved. */
async function load(until: Promise<unknown>): Promise<Sent[]> {
  const state = { isOver: false };
  const over = until.finally(() => (state.isOver = true));
  const all: Sent[] = [];
  const client = async (n: number): Promise<void> => {
    for (let i = n; !state.isOver; i++) {
      all.push(await send(METHODS[i % METHODS.length] ?? "GET"));
    }
  };
  await Promise.all([over, ...Array.from({ length: CLIENTS }, (_, n) => client(n))]);
  return all;
}

const failuresOf = (all: readonly Sent[], ...methods: string[]): Sent[] =>
  all.filter(({ method, status }) => methods.includes(method) && status !== 200);

function first(): FaultyOrigin {
  const [origin] = origins;
  if (!origin) throw new Error("there are three origins");
  return origin;
}

/** The most often that one POST has reached any of the origins. */
function mostPosts(): number {
  const counts = new Map<string, number>();
  for (const { posts } of origins) {
    for (const [path, count] of posts) counts.set(path, (counts.get(path) ?? 0) + count);
  }
  return Math.max(...counts.values());
}

/** The isolate's metrics as the hub has them. */
async function isEjected(index: number): Promise<boolean | null> {
  const text = (
    await request(new URL("/api/v1/rate-limit/metrics", product.url), {
      headers: { Authorization: `Bearer ${await checkout.adminToken()}` },
    })
  ).text;
  const [, value] =
    new RegExp(`edge_limiter_upstream_ejected\\{pool="api",target="${index}"\\} (\\d)`).exec(text) ?? [];
  return value === undefined ? null : value === "1";
}

/** Before a failing origin is ejected: the failures that eject it, and what was on its way when the last of them was counted. */
const MAX_DURING = FAILURES + CLIENTS;

/**
 * Sends load while the first origin fails for a while and recovers, and checks what holds for every fault.
 * @returns what was sent, and how many requests reached the origin while it failed.
 */
async function underFault(
  fault: () => Promise<void>,
): Promise<{ readonly all: readonly Sent[]; readonly during: number }> {
  const before = first().requests;
  let [during, atRecovery] = [0, 0];
  const story = async (): Promise<void> => {
    await expect.poll(() => first().requests, POLL).toBeGreaterThan(before + 20);
    const atFault = first().requests;
    await fault();
    during = first().requests - atFault;
    await first().recover();
    atRecovery = first().requests;
    // It is probed within EJECT_MS, with the next request.
    await expect.poll(() => first().requests, POLL).toBeGreaterThan(atRecovery + 20);
  };
  const all = await load(story());
  expect(mostPosts()).toBe(1);
  expect(all.length).toBeGreaterThan(100);
  return { all, during };
}

describe("one of three origins, under load,", () => {
  it.each(["refuses", "hangs", "unavailable"] as const)(
    "that %s costs no GET or PUT, doubles no POST, is ejected, and comes back by itself",
    async (fault) => {
      // A client whose POST hangs sends nothing else, so there are fewer failures.
      await publish(fault === "hangs" ? { eject: { failures: 3, forMs: EJECT_MS } } : {});
      const [probesBefore, startedMs] = [first().probes, Date.now()];
      const { all, during } = await underFault(async () => {
        await first().fail(fault);
        await setTimeout(FAULT_MS);
        await expect.poll(() => isEjected(0), POLL).toBe(true);
      });
      expect(failuresOf(all, "GET", "PUT")).toEqual([]);
      expect(during).toBeLessThanOrEqual(MAX_DURING);
      // Not by every request, and not by one of a user.
      const probes = first().probes - probesBefore;
      expect(probes).toBeGreaterThan(0);
      expect(probes).toBeLessThanOrEqual((Date.now() - startedMs) / EJECT_MS);
      // POSTs that reached the failing origin are not repeated: they fail, and few of them do before it is ejected.
      const failed = failuresOf(all, "POST");
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.length).toBeLessThanOrEqual(MAX_DURING);
      await expect.poll(() => isEjected(0), POLL).toBe(false);
    },
  );

  it("that dies in the middle of its bodies breaks few responses, none of which is sent again", async () => {
    const { all, during } = await underFault(async () => {
      await first().fail("dies");
      await setTimeout(FAULT_MS);
    });
    expect(during).toBeLessThanOrEqual(MAX_DURING);
    const broken = all.filter(({ status }) => status !== 200);
    // Those that were on their way when the last failure was counted, each time that it is back: here, once.
    expect(broken.length).toBeGreaterThan(0);
    expect(broken.length).toBeLessThanOrEqual(MAX_DURING);
    expect(broken.every(({ status }) => status === 0)).toBe(true);
  });

  it("that flaps costs no GET or PUT, and doubles no POST", async () => {
    const { all } = await underFault(async () => {
      for (let i = 0; i < 4; i++) {
        await first().fail(i % 2 === 0 ? "refuses" : "unavailable");
        await setTimeout(400);
        await first().recover();
        await setTimeout(400);
      }
    });
    expect(failuresOf(all, "GET", "PUT")).toEqual([]);
  });
});

it("a GET that is framed as if it had content is sent again like any other", async () => {
  const [one, other] = origins;
  await Promise.all([one?.fail("unavailable"), other?.fail("unavailable")]);
  for (const framing of [{ "Transfer-Encoding": "chunked" }, { "Content-Length": "0" }]) {
    for (let i = 0; i < 3; i++) {
      const answer = await request(new URL("/pooled/framed", product.url), {
        headers: { "X-API-Key": key, ...framing },
      });
      expect(answer.status).toBe(200);
    }
  }
});

it("an edit of the policy under load costs no request, and keeps an origin ejected", async () => {
  await first().fail("unavailable");
  await load(expect.poll(() => isEjected(0), POLL).toBe(true));
  const before = first().requests;
  const all = await load(
    (async () => {
      for (const balance of ["least-requests", "user", "round-robin"]) {
        await publish({ balance });
        await setTimeout(QUIET_MS);
      }
    })(),
  );
  expect(failuresOf(all, "GET", "PUT", "POST")).toEqual([]);
  expect(first().requests).toBe(before);
});

it.each([
  ["hang", "hangs", 504],
  ["refuse", "refuses", 502],
] as const)(
  "if all origins %s, every request is answered within its deadline",
  async (_what, fault, status) => {
    await Promise.all(origins.map((origin) => origin.fail(fault)));
    const all = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => send(METHODS[i % METHODS.length] ?? "GET")),
    );
    expect(new Set(all.map((one) => one.status))).toEqual(new Set([status]));
    expect(Math.max(...all.map(({ tookMs }) => tookMs))).toBeLessThan(TIMEOUT_MS + 1_500);
    await Promise.all(origins.map((origin) => origin.recover()));
    // At once, without a wait for a probe: none was left out, since all were ejected.
    expect((await send("GET")).status).toBe(200);
    expect(mostPosts()).toBe(1);
  },
);

/** What a registry lists, as each of the two formats has it. */
const LISTS = {
  consul: (ports: readonly number[]) =>
    ports.map((Port) => ({ Service: { Address: "127.0.0.1", Port }, Checks: [{ Status: "passing" }] })),
  http_sd: (ports: readonly number[]) => [{ targets: ports.map((port) => `127.0.0.1:${port}`) }],
};

it.each(["consul", "http_sd"] as const)(
  "a list of %s is followed, and a registry that fails, hangs or lists nothing changes nothing",
  async (format) => {
    const ports = origins.map(({ url }) => Number(new URL(url).port));
    let listed = ports.slice(0, 1);
    let answer: "list" | "empty" | "fails" | "hangs" = "list";
    let asked = 0;
    const registry = createServer((_incoming, response) => {
      asked += 1;
      if (answer === "hangs") return;
      response.statusCode = answer === "fails" ? 500 : 200;
      response.end(JSON.stringify(answer === "list" ? LISTS[format](listed) : []));
    });
    registry.listen(0, "127.0.0.1");
    await once(registry, "listening");
    const address = registry.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    try {
      const url = `http://127.0.0.1:${address.port}/list`;
      const discover = { url, format, everySeconds: 5, scheme: "http" };
      await publish({ targets: undefined, discover });
      const reached = async (): Promise<boolean[]> => {
        const before = origins.map(({ requests }) => requests);
        for (let i = 0; i < 6; i++) expect((await send("GET")).status).toBe(200);
        return origins.map(({ requests }, i) => requests > (before[i] ?? 0));
      };
      // The list of another registry stays until this one has answered.
      await expect.poll(reached, POLL).toEqual([true, false, false]);
      for (const fault of ["fails", "empty", "hangs"] as const) {
        answer = fault;
        const before = asked;
        const isAsked = async (): Promise<boolean> => (await send("GET")).status === 200 && asked > before;
        await expect.poll(isAsked, POLL).toBe(true);
        expect(await reached()).toEqual([true, false, false]);
      }
      answer = "list";
      listed = ports.slice(1);
      await expect.poll(reached, { ...POLL, timeout: 30_000 }).toEqual([false, true, true]);
    } finally {
      registry.closeAllConnections();
      registry.close();
    }
  },
  120_000,
);
