/** The policy as code, at the started product: differences by meaning, who would be newly denied, and no lost update. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { ADMIN_TOKEN, type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { request } from "../blackbox/client.ts";
import { eventually, newAccount, type Product, publishPolicy, startProduct } from "../blackbox/product.ts";
import { edgeLimiter } from "./program.ts";

const documentSchema = z.looseObject({
  routes: z.array(z.looseObject({ match: z.string() })),
  tiers: z.record(
    z.string(),
    z.looseObject({ mode: z.optional(z.string()), limits: z.array(z.looseObject({ name: z.string() })) }),
  ),
});
type Document = z.infer<typeof documentSchema>;

let checkout: Checkout;
let product: Product;
let directory: string;
let file: string;

beforeAll(async () => {
  [checkout, directory] = await Promise.all([
    makeCheckout({ devVars: LONG_DEADLINE }),
    mkdtemp(join(tmpdir(), "edge-limiter-cli-")),
  ]);
  file = join(directory, "policy.json");
  product = await startProduct(checkout);
});
afterAll(async () => {
  await product?.run.kill();
  await Promise.all([checkout?.remove(), rm(directory, { recursive: true, force: true })]);
});

const cli = (...args: string[]) => edgeLimiter(product.url, args);

async function inForce(): Promise<{ revision: number; document: Document }> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await request(new URL("/api/v1/admin/policy", product.url), { headers });
  return z.looseObject({ revision: z.int(), document: documentSchema }).parse(answer.json());
}

/** Writes the policy in force, changed, to the file. */
async function write(change: (document: Document) => Document): Promise<void> {
  const { document } = await inForce();
  await writeFile(file, JSON.stringify(change(document)));
}

/** With other numbers of the free tier's first limit. */
function withFirst(document: Document, numbers: object): Document {
  const { free, ...tiers } = document.tiers;
  const [first, ...limits] = free?.limits ?? [];
  if (!free || !first) throw new Error("the policy has no free tier");
  return {
    ...document,
    tiers: { ...tiers, free: { ...free, limits: [{ ...first, ...numbers }, ...limits] } },
  };
}

const withBurst = (document: Document, burst: number) => withFirst(document, { burst });

describe("policy diff", () => {
  it("exits 0 without a difference, also if the file spells defaults out or leaves them out", async () => {
    expect(await cli("policy", "pull", "-f", file)).toMatchObject({ code: 0 });
    expect(await cli("policy", "diff", "-f", file)).toMatchObject({
      code: 0,
      out: "no difference from revision 0\n",
    });
    await write((document) => ({
      ...document,
      enforcement: "on",
      routes: document.routes.map((route) => ({ timeoutMs: 30_000, ...route })),
      tiers: Object.fromEntries(
        Object.entries(document.tiers)
          .toReversed()
          .map(([name, tier]) => [name, { ...tier, durability: "reserved" }]),
      ),
    }));
    expect(await cli("policy", "diff", "-f", file)).toMatchObject({ code: 0 });
  });

  it("exits 2 with the difference, and lists who would be newly denied", async () => {
    const key = await newAccount(product, "greedy", "free");
    for (let i = 0; i < 20; i++) {
      await request(new URL("/identify", product.url), { headers: { "X-API-Key": key } });
    }
    await eventually(10_000, "the log has the requests", async () => {
      const { out } = await cli("decisions", "--account", "greedy", "--limit", "100", "--json");
      const { decisions } = z.object({ decisions: z.array(z.unknown()) }).parse(JSON.parse(out));
      return decisions.length === 20 || null;
    });
    // Refills nothing, however slow the machine is.
    await write((document) => withFirst(document, { tokens: 1, per: "day", burst: 5 }));
    const { code, out } = await cli("policy", "diff", "-f", file, "--simulate", "24h");
    expect(code).toBe(2);
    expect(out).toContain("~ tiers.free.limits.minute.burst: 150 -> 5");
    expect(out).toContain("1 would be newly denied: 20 requests since");
    expect(out).toMatch(/user:greedy +free +1[0-5] of 20 +\/identify/);

    const gate = ["policy", "diff", "-f", file, "--simulate", "24h", "--max-newly-denied"];
    expect(await cli(...gate, "0")).toMatchObject({ code: 2 });
    expect(await cli(...gate, "1", "--json")).toMatchObject({ code: 0 });
    const applied = await cli("policy", "apply", "-f", file, "--simulate", "1h", "--max-newly-denied", "0");
    expect(applied).toMatchObject({ code: 2, out: expect.stringContaining("not applied: at most 0") });
    expect((await inForce()).revision).toBe(0);
  });
});

describe("policy apply", () => {
  it("puts the policy into force, and changes nothing the second time", async () => {
    await write((document) => withBurst(document, 500));
    const first = await cli("policy", "apply", "-f", file, "--reason", "launch week");
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining("applied: revision 1 (was 0)") });
    const second = await cli("policy", "apply", "-f", file);
    expect(second).toMatchObject({ code: 0, out: "no difference from revision 1: nothing to apply\n" });
    expect((await inForce()).revision).toBe(1);
  });

  it("refuses to lose an update that somebody else has made since the revision that was pulled", async () => {
    await cli("policy", "pull", "-f", file);
    const { revision } = await inForce();
    await publishPolicy(product, { headers: { xRateLimit: true } });
    await write((document) => withBurst({ ...document, headers: {} }, 700));
    const refused = await cli("policy", "apply", "-f", file, "--if-match", String(revision));
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.notes).toContain("refused, so that no change is lost");
    expect(refused.notes).toContain(`it is at revision ${revision + 1} now`);
    expect((await inForce()).document["headers"]).toEqual({ xRateLimit: true });
  });

  it("names the option that takes a tier from its accounts", async () => {
    await newAccount(product, "of-pro", "pro");
    await write((document) => {
      const { pro: _removed, ...tiers } = document.tiers;
      return { ...document, tiers };
    });
    const refused = await cli("policy", "apply", "-f", file);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.notes).toContain("or apply it with --force");
    expect(refused.notes).toContain("of-pro");
    expect(refused.notes).toMatch(/^ {2}request [\da-f-]{36}$/m);
  });

  it("names every fault with its path, and changes nothing", async () => {
    await write((document) => ({ ...withBurst(document, -1), defaultTier: "gold" }));
    for (const verb of ["validate", "diff", "apply"]) {
      const { code, out, notes } = await cli("policy", verb, "-f", file);
      expect([verb, code]).toEqual([verb, 1]);
      expect(`${out}${notes}`).toMatch(/\/tiers\/free\/limits\/0\/burst: /);
    }
    const unreadable = join(directory, "none.json");
    expect(await cli("policy", "apply", "-f", unreadable)).toMatchObject({
      code: 1,
      notes: expect.stringContaining(`cannot read ${unreadable}`),
    });
  });
});

it("policy pull leaves a file alone that means the same, and writes any other", async () => {
  const { revision } = await inForce();
  await write((document) => ({ ...document, enforcement: "on" }));
  const own = await readFile(file, "utf8");
  expect(await cli("policy", "pull", "-f", file)).toMatchObject({ code: 0 });
  expect(await readFile(file, "utf8")).toBe(own);
  await writeFile(file, "{}");
  expect(await cli("policy", "pull", "-f", file)).toMatchObject({
    out: `${file} is revision ${revision} now\n`,
  });
  expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ schema: 1 });
});
