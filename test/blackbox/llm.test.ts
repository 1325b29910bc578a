/**
 * The LLM gateway of docs/units.md in the started product, in front of the fake model: many streams of one user at once, clients that
 * leave, a `kill -9`, and the page itself, as printed. The model counts what it generates, and the ledger must equal that.
 */
import { readFile, writeFile } from "node:fs/promises";
import { request as httpRequest, type Server } from "node:http";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { complete } from "../../examples/llm/completion.ts";
import { type Model, startModel } from "../../examples/llm/model.ts";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "./checkout.ts";
import { request } from "./client.ts";
import { runCommands, stepsOf } from "./console-session.ts";
import { type Bucket, overAdmission, type TimedDecision } from "./exact-bucket.ts";
import { eventually, freePort, newAccount, type Product, publishPolicy, startProduct } from "./product.ts";

/** Tokens of a user: 10,000 a minute. */
const MINUTE: Bucket = { capacity: 10_000, perMs: 10_000 / 60_000 };
const RESERVE = 150;
const MAX_TOKENS = 200;
const MONTH = 1_000_000;
const TOKEN_MS = 5;

/** The users' keys. */
const keys = new Map<string, string>();
let checkout: Checkout;
let product: Product;
let model: Model;
let server: Server;
let modelUrl: string;

beforeAll(async () => {
  ({ model, server } = await startModel(0, TOKEN_MS));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  modelUrl = `http://127.0.0.1:${address.port}`;
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
  product = await startProduct(checkout);
  await publishLlm();
});

afterAll(async () => {
  await product?.run.kill();
  server?.closeAllConnections();
  server?.close();
  await checkout?.remove();
});

/** A policy whose only limits count tokens. A crash loses nothing of them. */
async function publishLlm(...more: readonly object[]): Promise<void> {
  const minute = { kind: "bucket", unit: "tokens", tokens: 10_000, per: "minute" };
  const limits = [
    { ...minute, name: "tokens" },
    { name: "month", kind: "quota", unit: "tokens", amount: MONTH, per: "month" },
    ...more,
  ];
  const usage = { unit: "tokens", reserve: RESERVE };
  await publishPolicy(product, {
    tiers: Object.fromEntries(
      ["anonymous", "free", "pro", "enterprise", "partner"].map((name) => [
        name,
        { limits, durability: "exact" },
      ]),
    ),
    routes: [
      { match: "/v1/chat/completions", upstream: modelUrl, usage: { ...usage, from: "openai" } },
      { match: "/v1/messages", upstream: modelUrl, usage: { ...usage, from: "anthropic" } },
    ],
  });
}

/** A new user's key. */
async function newKey(user: string): Promise<string> {
  const key = await newAccount(product, user, "free");
  keys.set(user, key);
  return key;
}

interface Streamed {
  readonly status: number;
  readonly sentMs: number;
  readonly knownMs: number;
  readonly text: string;
}

/** Asks for a stream. @param leavesAfter bytes after which the client leaves. */
function stream(key: string, path: string, prompt: string, leavesAfter = Infinity): Promise<Streamed> {
  return new Promise((done, reject) => {
    const sentMs = Date.now();
    const headers = { "X-API-Key": key };
    const outgoing = httpRequest(new URL(path, product.url), { method: "POST", headers, agent: false });
    outgoing.on("response", (incoming) => {
      const knownMs = Date.now();
      let text = "";
      const end = (): void => done({ status: incoming.statusCode ?? 0, sentMs, knownMs, text });
      incoming.on("data", (chunk) => {
        text += String(chunk);
        if (text.length >= leavesAfter) outgoing.destroy();
      });
      incoming.on("end", end);
      incoming.on("error", end);
      incoming.on("close", end);
    });
    outgoing.on("error", reject);
    const stream_options = { include_usage: true };
    const messages = [{ role: "user", content: prompt }];
    outgoing.end(
      JSON.stringify({ model: "fake", stream: true, stream_options, max_tokens: MAX_TOKENS, messages }),
    );
  });
}

/** What a completion comes to. */
function tokensOf(prompt: string): number {
  const { promptTokens, words } = complete(prompt, MAX_TOKENS);
  return promptTokens + words.length;
}

/** Tokens of this month that are charged. @param quota the name of a quota of a month. */
async function charged(key: string, quota = "month"): Promise<number> {
  const url = new URL("/api/v1/rate-limit/status", product.url);
  const answer: unknown = (await request(url, { headers: { "X-API-Key": key } })).json();
  const limits: unknown = Reflect.get(Object(answer), "limits");
  const month = Array.isArray(limits) ? limits.find(({ name }) => name === quota) : null;
  return MONTH - Number(month?.remaining);
}

/** What the ledger has of a user. */
async function metered(user: string): Promise<{ requests: number; tokens: number }> {
  const url = new URL(`/api/v1/admin/accounts/${user}/usage?granularity=month`, product.url);
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const rows: unknown = Reflect.get(Object((await request(url, { headers })).json()), "usage");
  let [requests, tokens] = [0, 0];
  for (const row of Array.isArray(rows) ? rows : []) {
    requests += Number(row.requests);
    tokens += Number(row.units?.tokens ?? 0);
  }
  return { requests, tokens };
}

/** Waits until the model has answered and everything is settled, and checks that exactly what it counted is charged and metered. */
async function chargedAsCounted(user: string, key: string): Promise<number> {
  await eventually(10_000, "the model has finished", () => (model.open === 0 ? true : null));
  const { requests = 0, tokens = 0, unreported } = model.counted.get(user) ?? {};
  expect(unreported).toBe(0);
  await eventually(10_000, `${tokens} tokens are charged`, async () =>
    (await charged(key)) === tokens ? true : null,
  );
  expect(await metered(user)).toEqual({ requests, tokens });
  return requests;
}

it("64 clients at once: the tokens used stay within the limit in every window, and the ledger has what the model counted", async () => {
  const key = await newKey("streams");
  const endMs = Date.now() + 4_000;
  const history: TimedDecision[] = [];
  const client = async (i: number): Promise<void> => {
    for (let n = 0; Date.now() < endMs; n++) {
      const path = i % 2 === 0 ? "/v1/chat/completions" : "/v1/messages";
      const prompt = `prompt ${i} ${n}`;
      // A quarter of them leave in the middle.
      const { status, sentMs, knownMs } = await stream(key, path, prompt, i % 4 === 0 ? 1_000 : Infinity);
      expect([200, 429]).toContain(status);
      history.push({ allowed: status === 200, cost: tokensOf(prompt), sentMs, knownMs });
      if (status === 429) await setTimeout(100);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, i) => client(i)));
  expect(overAdmission(MINUTE, history)).toBeLessThanOrEqual(0);
  const admitted = history.filter(({ allowed }) => allowed).length;
  expect(await chargedAsCounted("streams", key)).toBe(admitted);
  // Without refunds, that many reservations would be all.
  expect(admitted).toBeGreaterThan((MINUTE.capacity + 5_000 * MINUTE.perMs) / RESERVE);
  expect(product.run.trouble).toEqual([]);
});

it("clients that leave in the middle of a stream pay for all of it", async () => {
  // pollinations/pollinations#5594
  const key = await newKey("leaves");
  for (const path of ["/v1/chat/completions", "/v1/messages"]) {
    const { status, text } = await stream(key, path, "tell me everything", 1);
    expect([status, text.includes('usage":{"total')]).toEqual([200, false]);
  }
  expect(await chargedAsCounted("leaves", key)).toBe(2);
});

it("kill -9 in the middle of streams leaves every reservation charged in full", async () => {
  const key = await newKey("killed");
  // Long enough to be under way when the kill comes.
  const prompts = Array.from({ length: 100 }, (_, i) => `prompt ${i}`).filter(
    (prompt) => tokensOf(prompt) > 100,
  );
  const streams = prompts
    .slice(0, 5)
    .map((prompt) => stream(key, "/v1/chat/completions", prompt).catch(() => null));
  await eventually(10_000, "the model streams", () => (model.open === 5 ? true : null));
  await product.run.kill();
  await Promise.all(streams);
  product = await startProduct(checkout);
  expect(await charged(key)).toBe(5 * RESERVE);
  expect(await metered("killed")).toEqual({ requests: 5, tokens: 5 * RESERVE });
});

it("a quota that begins now counts the same, from the ledger", async () => {
  await publishLlm({ name: "late", kind: "quota", unit: "tokens", amount: MONTH, per: "month" });
  expect(keys.size).toBe(3);
  for (const [user, key] of keys) {
    const tokens = await charged(key);
    expect([user, await charged(key, "late")]).toEqual([user, tokens]);
    expect(tokens).toBeGreaterThan(0);
  }
});

it("docs/units.md prints what its commands print", async () => {
  const port = await freePort();
  const { port: gateway } = product.url;
  const moved = (text: string): string =>
    text.replaceAll("localhost:8787", `localhost:${gateway}`).replaceAll("8790", String(port));
  const policy = join(checkout.directory, "examples/llm/policy.json");
  await writeFile(policy, moved(await readFile(policy, "utf8")));
  const readme = await readFile(join(checkout.directory, "README.md"), "utf8");
  const api = /^\$ (api\(\) .*)$/m.exec(readme)?.[1] ?? "";
  const steps = stepsOf(await readFile(join(checkout.directory, "docs/units.md"), "utf8"));
  expect(steps.length).toBeGreaterThan(10);
  const commands = [api, ...steps.map(({ command }) => command)].map(moved);
  const variables = { PORT: String(port), TOKEN_MS: "5" };
  const [, ...printed] = await runCommands(commands, checkout.directory, variables);
  expect(printed).toEqual(steps.map((step) => step.printed));
});
