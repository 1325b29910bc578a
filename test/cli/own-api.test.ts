/** `npm start -- --upstream` puts the product in front of an API of one's own, and says what is wrong with what it is given. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { request } from "../blackbox/client.ts";
import { freePort, keysFile, type Product, Run, startProduct } from "../blackbox/product.ts";
import { readFile } from "node:fs/promises";
import { warningsOf } from "../../scripts/own-api.ts";

let checkout: Checkout;
let product: Product | null = null;

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
});
afterAll(async () => {
  await product?.run.kill();
  await checkout?.remove();
});

const policy = {
  schema: 1,
  tiers: {
    guest: { limits: [{ name: "minute", kind: "bucket", tokens: 5, per: "minute" }] },
    gold: { limits: [{ name: "minute", kind: "bucket", tokens: 50, per: "minute" }] },
  },
  anonymousTier: "guest",
  defaultTier: "gold",
  routes: [{ match: "/v1/*" }],
};

async function firstKey(): Promise<string> {
  const keys: unknown = JSON.parse(await readFile(keysFile(checkout, ".demo/own"), "utf8"));
  return String(Object.values({ ...Object(keys) })[0]);
}

it("serves every path of an API that is still to be started, and keeps its own policy through a restart", async () => {
  const port = await freePort();
  const upstream = `http://localhost:${port}`;
  product = await startProduct(checkout, { args: ["--upstream", upstream] });
  await product.run.printed(/Admin token/);
  expect(product.run.output).toContain(`in front of ${upstream}`);
  expect(product.run.output).toContain(`${upstream} does not answer yet`);
  const path = new URL("/v1/anything?x=1", product.url);
  const headers = { "X-API-Key": await firstKey() };
  expect((await request(path, { headers })).status).toBe(502);

  const api = createServer((incoming, outgoing) => outgoing.end(`${incoming.method} ${incoming.url}`));
  await once(api.listen(port, "localhost"), "listening");
  try {
    expect(await request(path, { headers })).toMatchObject({ status: 200, text: "GET /v1/anything?x=1" });
    await product.run.stop();

    // By the environment, with a policy of its own, twice.
    const file = join(checkout.directory, "own.json");
    await writeFile(file, JSON.stringify(policy));
    const options = { args: ["--policy", file], environment: { UPSTREAM: upstream } };
    for (const revision of [2, 2]) {
      product = await startProduct(checkout, options);
      await product.run.printed(/Admin token/);
      expect(product.run.output).toContain(`The policy is at revision ${revision}, from ${file}`);
      expect(product.run.output).not.toContain("does not answer yet");
      expect((await request(new URL("/v1/x", product.url))).text).toBe("GET /v1/x");
      expect((await request(new URL("/other", product.url))).status).toBe(404);
      const gold = await request(new URL("/v1/x", product.url), {
        headers: { "X-API-Key": String(/X-API-Key: (\w+)/.exec(product.run.output)?.[1]) },
      });
      expect(gold.headers["ratelimit-policy"]).toBe('"minute";q=50;w=60');
      const admin = { Authorization: `Bearer ${ADMIN_TOKEN}` };
      const account = await request(new URL("/api/v1/admin/accounts/demo-gold", product.url), {
        headers: admin,
      });
      expect(account.status).toBe(200);
      await product.run.stop();
    }
  } finally {
    api.close();
  }
});

it.each<[what: string, args: string[], said: string]>([
  ["an unknown option", ["--upstraem", "http://localhost:3000"], "--upstream <url>"],
  [
    "an upstream that is no URL",
    ["--upstream", "localhost:3000"],
    '--upstream must be an http(s) URL such as http://localhost:3000, not "localhost:3000"',
  ],
  [
    "itself as the upstream",
    ["--upstream", "http://127.0.0.1:8787"],
    "is the address of Edge Limiter itself",
  ],
  ["a policy that is not there", ["--policy", "nowhere.json"], "cannot read the policy nowhere.json"],
  ["a policy that is not JSON", ["--policy", "README.md"], "the policy README.md is not JSON"],
  ["an invalid policy", ["--policy", "package.json"], "the policy package.json is invalid:\n  /"],
])("says what is wrong with %s, before it builds anything", async (_what, args, said) => {
  const run = new Run(checkout, { args, port: 8787 });
  expect(await run.ended()).toBe(1);
  expect(run.output).toContain(said);
  expect(run.output).not.toContain("Building");
  expect(run.output).not.toMatch(/^\s+at /m);
  await run.kill();
});

it("warns of removed tiers only if a policy that removes them replaces one of the user's own", () => {
  const removed = { path: "/tiers/pro", message: "is removed" };
  const upstream = { path: "/routes/0/upstream", message: "is a private address" };
  const wanted = { tiers: { gold: { limits: [] } } };
  expect(warningsOf([removed, upstream], wanted, 0)).toEqual(["/routes/0/upstream: is a private address"]);
  expect(warningsOf([removed], wanted, 1)).toEqual(["/tiers/pro: is removed"]);
  expect(warningsOf([{ ...removed, path: "/tiers/gold" }], wanted, 0)).toEqual(["/tiers/gold: is removed"]);
});

it("explains its options", async () => {
  const run = new Run(checkout, { args: ["--help"] });
  expect(await run.ended()).toBe(0);
  expect(run.output).toContain("--upstream <url>");
  expect(run.output).toContain("PORT=8788");
  await run.kill();
});
