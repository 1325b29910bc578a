/** The doctor's checks of a machine, a checkout and a Cloudflare account. Each test breaks a copy of a checkout in one place. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Checkout, makeCheckout } from "./checkout.ts";
import { NEW_WORKER, NO_SECRETS, startCloudflare, TWO_ACCOUNTS } from "./fake-cloudflare.ts";
import { runScript } from "./run-script.ts";

/** Runs checks of a checkout, without a product. */
function examine({ root }: Checkout, only: string) {
  return runScript("doctor", ["--no-target", "--project", root, "--only", only]);
}

describe.concurrent("a checkout", { timeout: 120_000 }, () => {
  it("of this repository has valid bindings, policy and variables", async () => {
    const { code, stdout } = await runScript("doctor", [
      "--no-target",
      "--only",
      "bindings,policy,variables",
    ]);
    expect(stdout).toContain("3 ok, 0 warnings, 0 failed, 0 skipped");
    expect(code).toBe(0);
  });

  it("that is intact passes every check that needs no product and no account", async () => {
    await using checkout = await makeCheckout();
    const { code, stdout } = await runScript("doctor", ["--no-target", "--project", checkout.root]);
    expect(stdout).toContain("9 ok, 0 warnings, 0 failed, 9 skipped");
    expect(code).toBe(0);
  });

  it.each<{
    what: string;
    only: string;
    break: (checkout: Checkout) => Promise<void>;
    says: string;
    fix: string;
  }>([
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
      what: "a wrangler that differs from the pinned one",
      only: "wrangler",
      break: (checkout) => checkout.edit("package.json", '"wrangler": "4.', '"wrangler": "99.'),
      says: "package.json pins 99.",
      fix: "npm ci",
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
      what: "outdated generated types",
      only: "types",
      break: (checkout) => checkout.edit("package.json", '"wrangler --version"', '"wrangler types --check"'),
      says: "worker-configuration.d.ts: ",
      fix: "npm run types",
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
    const { code, stdout } = await examine(checkout, fault.only);
    expect(stdout).toContain(fault.says);
    expect(stdout).toMatch(/^ {8}fix: /m);
    expect(stdout).toContain(fault.fix);
    expect(code).toBe(1);
  });

  describe("with a doubtful upstream", () => {
    const OWN = "is the host of this gateway";

    it.each([
      { upstream: "https://limiter.example", says: `UPSTREAM ${OWN}` },
      { upstream: "https://LIMITER.example:443/v1", says: `UPSTREAM ${OWN}` },
      { upstream: "http://10.0.0.1", says: "UPSTREAM is a private address" },
      { upstream: "https://api.example", says: "https://api.example" },
      { upstream: "https://limiter.example:8443", says: "https://limiter.example:8443" },
    ])("that is deployed, says of $upstream: $says", async ({ upstream, says }) => {
      await using checkout = await makeCheckout();
      await checkout.edit("wrangler.toml", 'UPSTREAM = ""', `UPSTREAM = "${upstream}"`);
      const args = ["--url", "https://limiter.example", "--project", checkout.root, "--only", "upstream"];
      const { code, stdout } = await runScript("doctor", args);
      expect(stdout).toContain(`${says.startsWith("UPSTREAM") ? "WARN" : "ok  "}  Upstream          ${says}`);
      expect(code).toBe(0);
    });

    it.each([
      { upstream: "http://localhost:8799", says: `WARN  Upstream          UPSTREAM ${OWN}` },
      { upstream: "http://127.0.0.1:8799/v1", says: `WARN  Upstream          UPSTREAM ${OWN}` },
      { upstream: "http://localhost:3000", says: "ok    Upstream          .dev.vars sets UPSTREAM" },
      { upstream: "", says: "skip  Upstream          npm start forwards to the demo origin" },
    ])("that runs here, says of $upstream: $says", async ({ upstream, says }) => {
      await using checkout = await makeCheckout();
      await checkout.write(".dev.vars", `UPSTREAM=${upstream}\n`);
      const args = ["--url", "http://localhost:8799", "--project", checkout.root, "--only", "upstream"];
      expect((await runScript("doctor", args)).stdout).toContain(says);
    });

    it("names the route of the policy", async () => {
      await using checkout = await makeCheckout();
      const route = '"match": "/compare"';
      const looped = `${route}, "upstream": "https://limiter.example"`;
      await checkout.edit("policy/default.json", route, looped);
      const args = ["--url", "https://limiter.example", "--project", checkout.root, "--only", "upstream"];
      const { stdout } = await runScript("doctor", args);
      expect(stdout).toContain(`policy/default.json: upstream of /compare ${OWN}`);
      expect(stdout).toContain("fix: name the address of your API's own server");
    });
  });

  it("without secrets gets a warning that names npm start", async () => {
    await using checkout = await makeCheckout();
    await rm(join(checkout.root, ".dev.vars"));
    const { code, stdout } = await examine(checkout, "local-secrets");
    expect(stdout).toContain("fix: npm start (creates it with a random ADMIN_TOKEN)");
    expect(code).toBe(0);
  });

  it("never shows a secret, not even a rejected one", async () => {
    await using checkout = await makeCheckout();
    await checkout.write(".dev.vars", "ADMIN_TOKEN=hunter2\n");
    const { code, stdout, stderr } = await examine(checkout, "variables,local-secrets");
    expect(stdout).toContain("ADMIN_TOKEN: ");
    expect(stdout + stderr).not.toContain("hunter2");
    expect(code).toBe(1);
  });
});

describe.concurrent("a Cloudflare account", { timeout: 120_000 }, () => {
  const CLOUDFLARE_CHECKS = "login,deployed-secrets,kv-namespace";
  const DEPLOYED = ["--url", "https://limiter.example", "--only"];

  it("is not queried if the product is on this machine, and the checks are reported as skipped", async () => {
    const { code, stdout } = await runScript("doctor", ["--only", CLOUDFLARE_CHECKS]);
    expect(stdout.match(/skip .*deployed products only/g)).toHaveLength(3);
    expect(code).toBe(0);
  });

  it("without a login fails one check and skips those that depend on it", async () => {
    await using checkout = await makeCheckout();
    const { code, stdout } = await runScript("doctor", [
      ...DEPLOYED,
      CLOUDFLARE_CHECKS,
      "--project",
      checkout.root,
    ]);
    expect(stdout).toContain("FAIL  Wrangler login    wrangler is not logged in");
    expect(stdout).toContain("fix: npx wrangler login");
    expect(stdout).toContain("0 ok, 0 warnings, 1 failed, 2 skipped");
    expect(code).toBe(1);
  });

  it.each([
    {
      what: "passes with a login, the secrets and the namespace",
      only: CLOUDFLARE_CHECKS,
      replies: {},
      code: 0,
      says: ["ok    Deployed secrets  ADMIN_TOKEN", "ok    KV namespace      CONFIG is edge-limiter-config"],
    },
    {
      what: "fails on a missing secret",
      only: "deployed-secrets",
      replies: NO_SECRETS,
      code: 1,
      says: ["the deployed Worker lacks ADMIN_TOKEN", "fix: npx wrangler secret put ADMIN_TOKEN"],
    },
    {
      what: "warns if the Worker does not exist yet",
      only: "deployed-secrets",
      replies: NEW_WORKER,
      code: 0,
      says: [
        "the Worker is not deployed yet and needs ADMIN_TOKEN",
        "fix: npx wrangler secret put ADMIN_TOKEN",
      ],
    },
    {
      what: "warns if the login has several accounts, and says how to choose one",
      only: "login",
      replies: TWO_ACCOUNTS,
      code: 0,
      says: [
        "WARN  Wrangler login    the login has several accounts: Acme (a1), Other (a2)",
        "fix: export CLOUDFLARE_ACCOUNT_ID=",
      ],
    },
  ])("$what", async ({ only, replies, code, says }) => {
    await using checkout = await makeCheckout();
    await using cloudflare = await startCloudflare(replies);
    const run = await runScript("doctor", [...DEPLOYED, only, "--project", checkout.root], {
      cloudflare: cloudflare.url,
    });
    for (const line of says) expect(run.stdout).toContain(line);
    expect(run.code).toBe(code);
  });
});
