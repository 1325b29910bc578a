/**
 * The doctor's checks of a machine and a checkout. Each test breaks a copy of a checkout in one place. Checks that
 * start no wrangler run in this process, which loads wrangler's parser once; the others run as `npm run doctor` does, in a process.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CheckOutcome } from "../../scripts/doctor/check.ts";
import { CHECKS } from "../../scripts/doctor/checks.ts";
import { CloudflareAccount } from "../../scripts/doctor/cloudflare-account.ts";
import { examine } from "../../scripts/doctor/examine.ts";
import { isThisMachine, Target } from "../../scripts/doctor/target.ts";
import { type Checkout, makeCheckout } from "./checkout.ts";
import { type Run, runScript } from "./run-script.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Runs checks of a checkout in a process, without a product. */
function doctor({ root }: Checkout, only: string): Promise<Run> {
  return runScript("doctor", ["--no-target", "--project", root, "--only", only]);
}

/** Runs one check of a checkout in this process, for the product at `url`. */
async function outcomeOf({ root }: Pick<Checkout, "root">, id: string, url?: string): Promise<CheckOutcome> {
  const target = url === undefined ? null : new Target(new URL(url));
  const place = target && !isThisMachine(target.url) ? "deployed" : "local";
  const account = new CloudflareAccount(root);
  const checks = CHECKS.filter((check) => check.id === id);
  for await (const { outcome } of examine(checks, { root, account, target, place, secretsFile: null })) {
    return outcome;
  }
  throw new Error(`there is no check ${id}`);
}

/** A fault in a checkout, and what the only check that runs says of it. */
interface Fault {
  readonly what: string;
  readonly only: string;
  readonly break: (checkout: Checkout) => Promise<void>;
  readonly says: string;
  readonly fix: string;
}

describe("a checkout", { timeout: 120_000 }, () => {
  it.each(["bindings", "policy", "variables"])("of this repository has valid %s", async (id) => {
    expect(await outcomeOf({ root: ROOT }, id)).toMatchObject({ kind: "ok" });
  });

  it("that is intact passes every check that needs no product and no account", async () => {
    await using checkout = await makeCheckout();
    const { code, stdout } = await runScript("doctor", ["--no-target", "--project", checkout.root]);
    expect(stdout).toContain("10 ok, 0 warnings, 0 failed, 10 skipped");
    expect(code).toBe(0);
  });

  it.each<Fault>([
    {
      what: "missing packages",
      only: "dependencies",
      break: ({ root }) => rm(join(root, "node_modules")),
      says: "is missing",
      fix: "npm ci",
    },
    {
      what: "a lock file behind package.json",
      only: "dependencies",
      break: (checkout) => checkout.edit("package.json", '"hono": "', '"hono": "99.'),
      says: "the lock file does not match package.json: hono",
      fix: "npm install",
    },
    {
      what: "a package whose version differs from the lock file",
      only: "dependencies",
      break: (checkout) =>
        checkout.edit(
          "package-lock.json",
          '"node_modules/hono": {\n      "version": "',
          '"node_modules/hono": {\n      "version": "99.',
        ),
      says: "the lock file says 99.",
      fix: "npm ci",
    },
    {
      what: "a Node older than the pinned one",
      only: "node",
      break: (checkout) => checkout.edit("package.json", '"node": "24.', '"node": "99.'),
      says: `this is v${process.versions.node}, package.json pins v99.`,
      fix: "npm ci && npm rebuild node",
    },
    {
      what: "a wrangler.toml without the KV namespace",
      only: "bindings",
      break: (checkout) => checkout.edit("wrangler.toml", '[[kv_namespaces]]\nbinding = "CONFIG"', ""),
      says: "wrangler.toml lacks CONFIG",
      fix: 'add to wrangler.toml: [[kv_namespaces]] binding = "CONFIG"',
    },
    {
      what: "Durable Objects without SQLite storage",
      only: "bindings",
      break: (checkout) => checkout.edit("wrangler.toml", 'storage = "sqlite"', 'storage = "legacy-kv"'),
      says: "exports.UserLimiter",
      fix: "wrangler.toml",
    },
    {
      what: "a wrangler.toml that wrangler rejects",
      only: "bindings",
      break: (checkout) => checkout.edit("wrangler.toml", 'name = "edge-limiter"', "name = 7"),
      says: 'Expected "name" to be of type string',
      fix: "correct wrangler.toml",
    },
    {
      what: "a policy that does not compile, naming the field",
      only: "policy",
      break: (checkout) =>
        checkout.edit("policy/default.json", '"defaultTier": "anonymous"', '"defaultTier": "fre"'),
      says: '/defaultTier unknown tier "fre"',
      fix: "policy/default.json",
    },
    {
      what: "a policy that is not JSON",
      only: "policy",
      break: (checkout) => checkout.write("policy/default.json", "{"),
      says: "is not JSON",
      fix: "policy/default.json",
    },
    {
      what: "a variable that the Worker rejects",
      only: "variables",
      break: (checkout) => checkout.edit("wrangler.toml", 'LOG_LEVEL = "info"', 'LOG_LEVEL = "loud"'),
      says: "LOG_LEVEL: ",
      fix: "[vars] in wrangler.toml",
    },
    {
      what: "an upstream that names a missing service binding",
      only: "variables",
      break: (checkout) => checkout.edit("wrangler.toml", 'UPSTREAM = ""', 'UPSTREAM = "service:BILLING"'),
      says: "UPSTREAM: wrangler.toml has no service binding BILLING",
      fix: "[vars] in wrangler.toml",
    },
    {
      what: "HS256 tokens without their secret",
      only: "local-secrets",
      break: (checkout) => checkout.edit("wrangler.toml", "[vars]", '[vars]\nJWT_ALGORITHM = "HS256"'),
      says: ".dev.vars lacks JWT_SECRET",
      fix: 'echo "JWT_SECRET=$(openssl rand -hex 32)" >> .dev.vars',
    },
  ])("fails on $what", async (fault) => {
    await using checkout = await makeCheckout();
    await fault.break(checkout);
    expect(await outcomeOf(checkout, fault.only)).toEqual({
      kind: "fail",
      reason: expect.stringContaining(fault.says),
      fix: expect.stringContaining(fault.fix),
    });
  });

  it.each<Fault>([
    {
      what: "a wrangler that differs from the pinned one",
      only: "wrangler",
      break: (checkout) => checkout.edit("package.json", '"wrangler": "4.', '"wrangler": "99.'),
      says: "package.json pins 99.",
      fix: "npm ci",
    },
    {
      what: "outdated generated types",
      only: "types",
      break: (checkout) => checkout.edit("package.json", '"wrangler --version"', '"wrangler types --check"'),
      says: "worker-configuration.d.ts: ",
      fix: "npm run types",
    },
  ])("fails on $what, exits with 1 and prints the fix", async (fault) => {
    await using checkout = await makeCheckout();
    await fault.break(checkout);
    const { code, stdout } = await doctor(checkout, fault.only);
    expect(stdout).toContain(fault.says);
    expect(stdout).toMatch(/^ {8}fix: /m);
    expect(stdout).toContain(fault.fix);
    expect(code).toBe(1);
  });

  describe("with a doubtful upstream", () => {
    const OWN = "is the host of this gateway";

    it.each([
      { upstream: "https://limiter.example", kind: "warn", says: `UPSTREAM ${OWN}` },
      { upstream: "https://LIMITER.example:443/v1", kind: "warn", says: `UPSTREAM ${OWN}` },
      { upstream: "http://10.0.0.1", kind: "warn", says: "UPSTREAM is a private address" },
      { upstream: "https://api.example", kind: "ok", says: "https://api.example" },
      { upstream: "https://limiter.example:8443", kind: "ok", says: "https://limiter.example:8443" },
    ])("that is deployed, says of $upstream: $kind, $says", async ({ upstream, kind, says }) => {
      await using checkout = await makeCheckout();
      await checkout.edit("wrangler.toml", 'UPSTREAM = ""', `UPSTREAM = "${upstream}"`);
      const outcome = await outcomeOf(checkout, "upstream", "https://limiter.example");
      expect(outcome).toMatchObject({ kind, reason: expect.stringContaining(says) });
    });

    it.each([
      { upstream: "http://localhost:8799", kind: "warn", says: `UPSTREAM ${OWN}` },
      { upstream: "http://127.0.0.1:8799/v1", kind: "warn", says: `UPSTREAM ${OWN}` },
      { upstream: "http://localhost:3000", kind: "ok", says: ".dev.vars sets UPSTREAM" },
      { upstream: "", kind: "skipped", says: "npm start forwards to the demo origin" },
    ])("that runs here, says of $upstream: $kind, $says", async ({ upstream, kind, says }) => {
      await using checkout = await makeCheckout();
      await checkout.write(".dev.vars", `UPSTREAM=${upstream}\n`);
      const outcome = await outcomeOf(checkout, "upstream", "http://localhost:8799");
      expect(outcome).toMatchObject({ kind, reason: expect.stringContaining(says) });
    });

    it("names the route of the policy", async () => {
      await using checkout = await makeCheckout();
      const route = '"match": "/compare"';
      const looped = `${route}, "upstream": "https://limiter.example"`;
      await checkout.edit("policy/default.json", route, looped);
      expect(await outcomeOf(checkout, "upstream", "https://limiter.example")).toEqual({
        kind: "warn",
        reason: expect.stringContaining(`policy/default.json: upstream of /compare ${OWN}`),
        fix: "name the address of your API's own server",
      });
    });
  });

  it("without secrets gets a warning that names npm start", async () => {
    await using checkout = await makeCheckout();
    await rm(join(checkout.root, ".dev.vars"));
    expect(await outcomeOf(checkout, "local-secrets")).toMatchObject({
      kind: "warn",
      fix: "npm start (creates it with a random ADMIN_TOKEN)",
    });
  });

  it.each([
    ["", "ok", "not used"],
    ["STRIPE_SECRET_KEY=sk_test_1\nSTRIPE_WEBHOOK_SECRET=whsec_1\n", "ok", "of test mode"],
    ["STRIPE_SECRET_KEY=sk_test_1\n", "fail", "STRIPE_SECRET_KEY is set, but STRIPE_WEBHOOK_SECRET is not"],
    ["STRIPE_WEBHOOK_SECRET=whsec_1\n", "fail", "STRIPE_WEBHOOK_SECRET is set, but STRIPE_SECRET_KEY is not"],
    ["STRIPE_SECRET_KEY=rk_live_1\nSTRIPE_WEBHOOK_SECRET=whsec_1\n", "warn", "a live key of Stripe"],
    ["STRIPE_SECRET_KEY=whsec_1\nSTRIPE_WEBHOOK_SECRET=sk_test_1\n", "warn", "does not look like a key"],
  ])("with these secrets of Stripe gets a hint, without the secrets: %j", async (lines, kind, says) => {
    await using checkout = await makeCheckout();
    await checkout.write(".dev.vars", `ADMIN_TOKEN=${"a".repeat(64)}\n${lines}`);
    const outcome = await outcomeOf(checkout, "stripe");
    expect(outcome).toMatchObject({ kind, reason: expect.stringContaining(says) });
    expect(JSON.stringify(outcome)).not.toMatch(/_1\b/);
  });

  it("never shows a secret, not even a rejected one", async () => {
    await using checkout = await makeCheckout();
    await checkout.write(".dev.vars", "ADMIN_TOKEN=hunter2\n");
    const { code, stdout, stderr } = await doctor(checkout, "variables,local-secrets");
    expect(stdout).toContain("ADMIN_TOKEN: ");
    expect(stdout + stderr).not.toContain("hunter2");
    expect(code).toBe(1);
  });
});
