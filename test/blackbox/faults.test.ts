/**
 * The started product with parts that break during use: the metrics hub, the users' objects, the upstream. Tests how requests are
 * answered, what is lost, and how soon service is normal again.
 */
import { once } from "node:events";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BadUpstream, HUGE } from "./bad-upstream.ts";
import { BUILD_DIRECTORY } from "./build.ts";
import { ADMIN_TOKEN, type Checkout, makeCheckout } from "./checkout.ts";
import { type Answer, hammer, leave, NoAnswer, request } from "./client.ts";
import { memoryOf } from "./processes.ts";
import { eventually, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

/** Four times as long as a slow object takes, so that its answers come in time on a busy machine, too. */
const DEADLINE_MS = 3_000;
const UPSTREAM_TIMEOUT_MS = 400;
/** How much later than due an answer may come on a busy machine. */
const SLACK_MS = 1_500;
/** Refills so slowly that no token returns during a test. */
const bucket = (burst: number) => [{ name: "day", kind: "bucket", tokens: 1, per: "day", burst }];
const LOCAL_BURST = 4;

let upstream: BadUpstream;
let checkout: Checkout;
let product: Product;

/** Replaces a checkout's build of the gateway by one that can fail: the same bundle, with the faults around it. */
async function addFaults({ directory }: Checkout): Promise<void> {
  await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    resolve: { alias: { "../../src/index.ts": join(BUILD_DIRECTORY, "gateway", "index.js") } },
    build: {
      ssr: join(import.meta.dirname, "..", "faults", "index.ts"),
      outDir: join(directory, ".demo", "build", "gateway"),
      emptyOutDir: false,
      rolldownOptions: {
        // The modules of the bundle that are loaded on first use stay beside it.
        external: /^cloudflare:|^\.\/.*\.mjs$/,
        makeAbsoluteExternalsRelative: false,
        output: { entryFileNames: "index.js" },
      },
    },
  });
}

beforeAll(async () => {
  upstream = await BadUpstream.start();
  const anonymous = { limits: [] };
  checkout = await makeCheckout({ devVars: { LIMITER_TIMEOUT_MS: String(DEADLINE_MS) } });
  await addFaults(checkout);
  product = await startProduct(checkout);
  await publishPolicy(product, {
    tiers: {
      anonymous,
      free: { limits: bucket(LOCAL_BURST), onLimiterFailure: "local" },
      pro: { limits: bucket(10_000), mode: "strict", onLimiterFailure: "closed" },
      enterprise: { limits: bucket(10), onLimiterFailure: "open" },
      partner: anonymous,
    },
    routes: [
      { match: "/identify" },
      { match: "/up/*", upstream: upstream.url, timeoutMs: UPSTREAM_TIMEOUT_MS },
    ],
  });
});
afterEach(() => fault({ hub: "none", limiter: "none", slowMs: "750" }));
afterAll(async () => {
  await product?.run.kill();
  upstream?.stop();
  await checkout?.remove();
});

const at = (path: string) => new URL(path, product.url);

async function fault(faults: Readonly<Record<string, string>>): Promise<void> {
  const answer = await request(at(`/__faults?${new URLSearchParams(faults)}`));
  expect(answer.json()).toMatchObject(faults);
}

async function admin(path: string): Promise<unknown> {
  const answer = await request(at(`/api/v1/admin${path}`), {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  expect(answer.status, answer.text).toBe(200);
  return answer.json();
}

const field = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((found, name) => Reflect.get(Object(found), name), value);

/** The sum of a counter's series whose labels match, as Prometheus would see it. */
async function metric(name: string, labels = /^/): Promise<number> {
  const { text } = await request(at("/api/v1/rate-limit/metrics"), {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const samples = text.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\d+)$`, "gm"));
  return [...samples].reduce((sum, [, own = "", n]) => sum + (labels.test(own) ? Number(n) : 0), 0);
}

const reported = async (account: string) =>
  Number(field(await admin(`/reports/user?account=user:${account}`), "totals", "requests"));

const ledger = async (account: string) =>
  field(await admin(`/accounts/${account}/usage?granularity=month`), "usage", 0, "requests");

const ask = (key: string): Promise<Answer> => request(at("/identify"), { headers: { "X-API-Key": key } });
const sourceOf = ({ headers }: Answer) => /desc="([a-z-]+)"/.exec(String(headers["server-timing"]))?.[1];

/** Sends `count` requests from 24 clients at once; the user's object must admit each of them. */
async function send(key: string, count: number): Promise<void> {
  let left = count;
  const unanswered = await hammer(
    24,
    () => left <= 0,
    async () => {
      left -= 1;
      const answer = await ask(key);
      expect([answer.status, sourceOf(answer)]).toEqual([200, "strict"]);
    },
  );
  expect(unanswered).toBe(0);
}

describe("the metrics hub", () => {
  it("that goes down during a load changes no response and no bill, and every lost point is counted", async ({
    annotate,
  }) => {
    const key = await newAccount(product, "hub-down", "pro");
    await send(key, 300);
    await fault({ hub: "down" });
    await send(key, 800);
    await fault({ hub: "none" });
    await send(key, 300);
    const all = 1_400;
    const arrived = await eventually(20_000, "every point is reported or counted as lost", async () => {
      const [points, dropped] = [
        await reported("hub-down"),
        await metric("edge_limiter_points_dropped_total"),
      ];
      return points + dropped === all ? { points, dropped } : null;
    });
    // The points from before and after, except those queued when the hub went down.
    expect(arrived.points).toBeGreaterThan(300);
    expect(arrived.dropped).toBeGreaterThan(0);
    // Requests whose points are lost are still counted, and the bill does not depend on points.
    await eventually(20_000, "every request is counted", async () => {
      return (await metric("edge_limiter_requests_total", /tier="pro"/)) === all || null;
    });
    expect(await ledger("hub-down")).toBe(all);
    await annotate(`${arrived.dropped} of ${all} points lost, all of them counted`);
  });

  it("that is killed during a load changes no response and loses no point", async () => {
    const key = await newAccount(product, "hub-killed", "pro");
    const before = await metric("edge_limiter_points_dropped_total");
    await send(key, 200);
    await fault({ hub: "crash" });
    await send(key, 200);
    await eventually(
      20_000,
      "every point is reported",
      async () => (await reported("hub-killed")) === 400 || null,
    );
    expect(await metric("edge_limiter_points_dropped_total")).toBe(before);
    expect(await ledger("hub-killed")).toBe(400);
  });
});

describe("the users' objects", () => {
  it("that hang, then throw, are replaced by the tier's choice within the deadline, and decide again a second after they recover", async ({
    annotate,
  }) => {
    const tiers = ["free", "pro", "enterprise"] as const;
    const keys = await Promise.all(tiers.map((tier) => newAccount(product, `down-${tier}`, tier)));
    const each = () => Promise.all(keys.map(ask));
    expect((await each()).map(sourceOf)).toEqual(["strict", "strict", "strict"]);

    await fault({ limiter: "hang" });
    const hung = await each();
    expect(hung.map(sourceOf)).toEqual(["fallback", "fallback", "fallback"]);
    expect(hung.map(({ status }) => status)).toEqual([200, 503, 200]);
    for (const { sentMs, receivedMs } of hung) {
      expect(receivedMs - sentMs).toBeGreaterThanOrEqual(DEADLINE_MS - 5);
      expect(receivedMs - sentMs).toBeLessThan(DEADLINE_MS + SLACK_MS);
    }
    await fault({ limiter: "throw" });
    const down: number[][] = [];
    for (let i = 0; i < 12; i++) down.push((await each()).map(({ status }) => status));
    const passed = (tier: number) => down.filter((statuses) => statuses[tier] === 200).length;
    // With the request that hung, this spends the whole local bucket.
    expect([passed(0), passed(1), passed(2)]).toEqual([LOCAL_BURST - 1, 0, 12]);

    await fault({ limiter: "none" });
    const backMs = Date.now();
    const recovered = await Promise.all(
      keys.map((key) =>
        eventually(10_000, "the object decides again", async () => {
          const answer = await ask(key);
          return sourceOf(answer) === "strict" ? answer.receivedMs - backMs : null;
        }),
      ),
    );
    expect(Math.max(...recovered)).toBeLessThan(1_000 + SLACK_MS);
    // One request before the outage and one after it; the admissions in between are not charged.
    for (const tier of tiers) expect(await ledger(`down-${tier}`)).toBe(2);
    expect(await metric("edge_limiter_limiter_failures_total", /kind="timeout"/)).toBeGreaterThanOrEqual(3);
    await annotate(`recovered after ${recovered.join(", ")} ms`);
  });
});

describe("a user who sends more than the object can take", () => {
  it.each(["free", "enterprise"] as const)(
    "is admitted up to the limit and no further, whatever the tier's failure policy: %s",
    async (tier) => {
      const limit = tier === "free" ? LOCAL_BURST : 10;
      const key = await newAccount(product, `flood-${tier}`, tier);
      await fault({ limiter: "slow" });
      const agent = new Agent({ maxSockets: Infinity });
      const answers = await Promise.all(
        Array.from({ length: 1_500 }, () =>
          request(at("/identify"), { headers: { "X-API-Key": key }, agent }),
        ),
      );
      agent.destroy();
      const codes = new Map<string, number>();
      for (const answer of answers) {
        const code = answer.status === 200 ? "200" : `${answer.status} ${field(answer.json(), "code")}`;
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
      expect(codes.get("200")).toBe(limit);
      expect([...codes.keys()].toSorted()).toEqual(["200", "429 overloaded", "429 quota_exceeded"]);
      expect(await ledger(`flood-${tier}`)).toBe(limit);
    },
  );
});

/** The tier is strict and fails closed: a request that the object does not decide gets 503. */
describe("a client that leaves while its user's object is asked", () => {
  const KEEP_OPEN_MS = 20;
  const depart = (key: string, afterMs = KEEP_OPEN_MS) =>
    leave(at("/identify"), { "X-API-Key": key }, afterMs);

  it.each([1, 50])("leaves %i requests behind it their answers, and delays none", async (count) => {
    const slowMs = 60;
    const key = await newAccount(product, `left-${count}`, "pro");
    await ask(key);
    await fault({ limiter: "slow", slowMs: String(slowMs) });
    const longestMs: number[] = [];
    for (let round = 0; round < 5; round++) {
      await depart(key);
      const answers = await Promise.all(Array.from({ length: count }, () => ask(key)));
      for (const answer of answers) expect([answer.status, sourceOf(answer)]).toEqual([200, "strict"]);
      longestMs.push(Math.max(...answers.map(({ sentMs, receivedMs }) => receivedMs - sentMs)));
    }
    // The rest of its call and their own; if its call were lost, they would wait for a sixteenth of the deadline. The quickest round of
    // one request: to send many takes a busy machine as long.
    if (count === 1) expect(Math.min(...longestMs)).toBeLessThan(DEADLINE_MS / 16);
  });

  it("takes no answer along, although its call is that of all", async () => {
    const key = await newAccount(product, "left-all", "pro");
    await fault({ limiter: "slow", slowMs: "400" });
    await depart(key);
    // One of these sends the call of all of them after a sixteenth of the deadline, then all but one leave.
    const leaving = Array.from({ length: 50 }, () => depart(key, 300));
    const answer = await ask(key);
    expect([answer.status, sourceOf(answer)]).toEqual([200, "strict"]);
    await Promise.all(leaving);
  });

  it("does not prolong an outage by taking the probe along", async () => {
    const key = await newAccount(product, "left-probe", "pro");
    await fault({ limiter: "throw" });
    for (let i = 0; i < 3; i++) expect((await ask(key)).status).toBe(503);
    await fault({ limiter: "slow", slowMs: "100" });
    await new Promise((done) => setTimeout(done, 1_050));
    await depart(key);
    await new Promise((done) => setTimeout(done, 200));
    const answer = await ask(key);
    expect([answer.status, sourceOf(answer)]).toEqual([200, "strict"]);
  });
});

describe("an upstream", () => {
  /** Returns a response without waiting for its body. */
  async function begin(path: string): Promise<IncomingMessage> {
    const outgoing = httpRequest(at(path));
    outgoing.on("error", () => undefined);
    outgoing.end();
    const [incoming]: IncomingMessage[] = await once(outgoing, "response");
    if (!incoming) throw new Error("no answer");
    return incoming;
  }

  it.each([
    ["refuses", 502, "upstream_error"],
    ["babbles", 502, "upstream_error"],
    ["hangs", 504, "upstream_timeout"],
  ])("that %s gives %i in time, and delays no other request", async (how, status, code) => {
    const bad = Array.from({ length: 20 }, () => request(at(`/up/${how}`)));
    const good = await Promise.all(Array.from({ length: 20 }, () => request(at("/up/well"))));
    expect(good.every((answer) => answer.status === 200 && answer.text === "ok")).toBe(true);
    for (const answer of await Promise.all(bad)) {
      expect([answer.status, field(answer.json(), "code")]).toEqual([status, code]);
      expect(answer.receivedMs - answer.sentMs).toBeLessThan(UPSTREAM_TIMEOUT_MS + SLACK_MS);
    }
    await eventually(5_000, "no connection is held", () => upstream.connections === 0 || null);
  });

  it("that resets midway breaks off the response, so that no client takes half of it for the whole", async () => {
    await expect(request(at("/up/resets"))).rejects.toThrow(NoAnswer);
    expect((await request(at("/up/well"))).text).toBe("ok");
  });

  it("that never ends is disconnected when its client leaves", async () => {
    const incoming = await begin("/up/endless");
    await once(incoming, "data");
    expect(upstream.connections).toBe(1);
    incoming.destroy();
    await eventually(5_000, "its connection is closed", () => upstream.connections === 0 || null);
  });

  it("that sends 192 MB to a slow reader fills no memory, and all of it arrives", async ({ annotate }) => {
    const processes = await product.run.processes();
    const before = await memoryOf(processes);
    const incoming = await begin("/up/huge");
    incoming.on("data", () => undefined);
    incoming.pause();
    // The upstream has filled every buffer on the way.
    await eventually(
      5_000,
      "the gateway has had time to read ahead",
      () => incoming.readableLength > 0 || null,
    );
    let max = await memoryOf(processes);
    let length = 0;
    incoming.removeAllListeners("data");
    for await (const chunk of incoming) {
      const was = length;
      length += Buffer.isBuffer(chunk) ? chunk.length : 0;
      if (Math.floor(was / 2 ** 26) < Math.floor(length / 2 ** 26))
        max = Math.max(max, await memoryOf(processes));
    }
    expect(length).toBe(HUGE);
    expect(max - before).toBeLessThan(HUGE / 3);
    await annotate(`${Math.round((max - before) / 2 ** 20)} MB more at most`);
  });
});
