/** `npm start` as a newcomer uses it: in a fresh clone, with the commands that it prints, and restarted. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "./client.ts";
import { ADMIN_TOKEN, type Checkout, makeCheckout } from "./checkout.ts";
import { freePort, keysFile, type Product, Run, startProduct } from "./product.ts";

const shell = promisify(execFile);
const DEMO_DIR = "state of the demo";

let checkout: Checkout;
let product: Product;
let port: number;
let startedMs: number;

beforeAll(async () => {
  checkout = await makeCheckout({ unbuilt: true });
  port = await freePort();
  startedMs = Date.now();
  product = await startProduct(checkout, { port, demoDir: DEMO_DIR, history: "on" });
});

afterAll(async () => {
  await product?.run.kill();
  await checkout?.remove();
});

async function keys(): Promise<Record<string, string>> {
  const text = await readFile(keysFile(checkout, DEMO_DIR), "utf8");
  const parsed: unknown = JSON.parse(text);
  return Object.fromEntries(Object.entries(parsed ?? {}).map(([tier, key]) => [tier, String(key)]));
}

/** The status of the free key: requests in the ledger, and what remains of the month's quota. */
async function freeStatus(): Promise<{ used: number; monthLeft: number }> {
  const headers = { "X-API-Key": (await keys())["free"] ?? "" };
  const { text } = await request(new URL("/api/v1/rate-limit/status", product.url), { headers });
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
  return {
    used: number(/"month":{"requests":(\d+)/),
    monthLeft: number(/"name":"month"[^}]*"remaining":([\d.]+)/),
  };
}

interface Invoice {
  readonly id: string;
  readonly number: string;
}

/** The commands that it printed, which are indented, in order. */
const printedCommands = (): string[] => product.run.output.match(/^ +(?:curl|seq) .*$/gm) ?? [];

describe("the first start", () => {
  it("serves on PORT", async () => {
    expect(product.url.port).toBe(String(port));
    expect((await request(new URL("/ready", product.url))).status).toBe(200);
  });

  it("creates .dev.vars with a random token that only its owner can read", async () => {
    expect(await checkout.adminToken()).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(checkout.devVarsFile)).mode & 0o777).toBe(0o600);
  });

  it("stores a key for each tier in DEMO_DIR, readable only by its owner", async () => {
    expect(Object.keys(await keys())).toEqual(["free", "pro", "enterprise", "partner"]);
    for (const key of Object.values(await keys())) expect(key).toMatch(/^el_test_[0-9A-Za-z]{36}$/);
    expect((await stat(keysFile(checkout, DEMO_DIR))).mode & 0o777).toBe(0o600);
  });

  it("prints neither warnings nor errors", () => {
    expect(product.run.trouble).toEqual([]);
  });

  it("prints commands that do what it says", async () => {
    const [one, burst, status, link, invoices, ...others] = printedCommands();
    expect(others).toEqual([]);
    const first = await shell("sh", ["-c", one ?? ""]);
    expect(first.stdout).toMatch(/^HTTP\/1\.1 200 /);
    expect(first.stdout).toContain('"tier":"free"');

    const counted = await shell("sh", ["-c", burst ?? ""]);
    const count = (code: number): number => Number(RegExp(`(\\d+) ${code}`).exec(counted.stdout)?.[1]);
    // The first command took one of the 150 tokens, and 100 a minute are refilled.
    const refilled = ((Date.now() - startedMs) * 100) / 60_000;
    expect(count(200)).toBeGreaterThanOrEqual(149);
    expect(count(200)).toBeLessThanOrEqual(150 + refilled);
    expect(count(200) + count(429)).toBe(160);

    const { stdout } = await shell("sh", ["-c", status ?? ""]);
    expect(JSON.parse(stdout)).toMatchObject({ user: "demo-free", tier: "free" });

    const made = await shell("sh", ["-c", link ?? ""], { cwd: checkout.directory });
    const { account, url }: { account: string; url: string } = JSON.parse(made.stdout);
    expect(account).toBe("demo-pro");
    const [, token = ""] = url.split("/portal#link=");
    const signIn = { method: "POST", body: JSON.stringify({ link: decodeURIComponent(token) }) };
    const session = await request(new URL("/api/v1/portal/session", product.url), signIn);
    expect(session.json()).toMatchObject({ account, may: { keys: true, budget: true, tier: true } });

    const listed = await shell("sh", ["-c", invoices ?? ""], { cwd: checkout.directory });
    const { invoices: newestFirst }: { invoices: Invoice[] } = JSON.parse(listed.stdout);
    const [paid, late, newest] = newestFirst.toReversed();
    expect(paid).toMatchObject({ number: "INV-000001", status: "paid", total: "117.81" });
    // With overage.
    expect(late).toMatchObject({ number: "INV-000002", status: "past_due", total: "240.81" });
    // There is none in the first hours of a month.
    if (newest !== undefined) expect(newest.number).toBe("INV-000003");
    const file = new URL(`/api/v1/admin/accounts/demo-pro/invoices/${late?.id}.pdf`, product.url);
    const headers = { Authorization: `Bearer ${await checkout.adminToken()}` };
    expect((await request(file, { headers })).text).toMatch(/^%PDF-/);
  });
});

describe("a restart", () => {
  it("keeps accounts, keys, counters and secrets", async () => {
    const devVars = await readFile(checkout.devVarsFile, "utf8");
    const before = { keys: await keys(), status: await freeStatus(), commands: printedCommands() };
    await product.run.stop();

    product = await startProduct(checkout, { port, demoDir: DEMO_DIR });
    const after = await freeStatus();
    expect(await readFile(checkout.devVarsFile, "utf8")).toBe(devVars);
    expect(await keys()).toEqual(before.keys);
    expect(printedCommands()).toEqual(before.commands);
    // An object stopped within a second of its last request may lose one headroom: 8 tokens, refilled in 5 s.
    expect(after.used).toBeLessThanOrEqual(before.status.used);
    expect(after.used).toBeGreaterThanOrEqual(before.status.used - 8);
    expect(after.monthLeft).toBeLessThanOrEqual(before.status.monthLeft);
    expect(after.monthLeft).toBeGreaterThanOrEqual(before.status.monthLeft - 8);
  });

  it("uses the secrets of .dev.vars as the user wrote them", async () => {
    const own = `# mine\nADMIN_TOKEN="${ADMIN_TOKEN}"\n`;
    await product.run.stop();
    await writeFile(checkout.devVarsFile, own);
    product = await startProduct(checkout, { port, demoDir: DEMO_DIR });
    expect(await readFile(checkout.devVarsFile, "utf8")).toBe(own);
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    const accounts = new URL("/api/v1/admin/accounts/demo-free", product.url);
    expect((await request(accounts, { headers })).json()).toMatchObject({ id: "demo-free", tier: "free" });
  });
});

describe("a failed start", () => {
  /** The output of a start that fails. */
  async function failedStart(options: { port: number | string; demoDir?: string }): Promise<string> {
    const run = new Run(checkout, options);
    expect(await run.ended()).toBe(1);
    await run.kill();
    expect(run.output).not.toMatch(/^\s+at /m);
    return run.output;
  }

  it("says that the port is taken, and how to choose another", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const address = holder.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    const said = await failedStart({ port: address.port, demoDir: "another" });
    holder.close();
    expect(said).toContain(`npm start failed: port ${address.port} is in use`);
    expect(said).toContain("PORT=8788 npm start");
  });

  it.each(["eighty", "70000", "80.5"])("says what a valid PORT is, not %s", async (text) => {
    expect(await failedStart({ port: text })).toContain(
      `npm start failed: PORT must be an integer from 0 to 65535, not "${text}"`,
    );
  });

  it("says that another product is running in the same directory", async () => {
    expect(await failedStart({ port: 0, demoDir: DEMO_DIR })).toMatch(
      /npm start failed: another Edge Limiter runs in .*: stop it, or use another directory and port/,
    );
  });

  it("says that .dev.vars lacks the admin token", async () => {
    await writeFile(checkout.devVarsFile, "LOG_LEVEL=warn\n");
    expect(await failedStart({ port: 0, demoDir: "another" })).toContain(
      "npm start failed: .dev.vars has no ADMIN_TOKEN",
    );
  });
});
