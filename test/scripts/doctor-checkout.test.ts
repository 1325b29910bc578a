/** What the doctor says of a machine and a checkout: on copies that a test breaks in one place each. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Checkout, makeCheckout } from "./checkout.ts";
import { NEW_WORKER, NO_SECRETS, startCloudflare, TWO_ACCOUNTS } from "./fake-cloudflare.ts";
import { runScript } from "./run-script.ts";

/** Examines a checkout alone. */
function examine({ root }: Checkout, only: string) {
  return runScript("doctor", ["--no-target", "--project", root, "--only", only]);
}

describe.concurrent("a checkout", { timeout: 120_000 }, () => {
  it("of this repository has bindings, policy and variables that nothing is wrong with", async () => {
    const { code, stdout } = await runScript("doctor", [
      "--no-target",
      "--only",
      "bindings,policy,variables",
    ]);
    expect(stdout).toContain("3 ok, 0 warnings, 0 failed, 0 skipped");
    expect(code).toBe(0);
  });

  it("that is sound is ok in every check that needs no product and no account", async () => {
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
    mend: string;
  }>([
    {
      what: "packages that are missing",
      only: "dependencies",
      break: ({ root }) => rm(join(root, "node_modules")),
      says: "is missing",
      mend: "npm ci",
    },
    {
      what: "a lock file behind package.json",
      only: "dependencies",
      break: (checkout) => checkout.edit("package.json", '"hono": "', '"hono": "99.'),
      says: "the lock file does not follow package.json: hono",
      mend: "npm install",
    },
    {
      what: "a package of another version than locked",
      only: "dependencies",
      break: (checkout) =>
        checkout.edit(
          "package-lock.json",
          '"node_modules/hono": {\n      "version": "',
          '"node_modules/hono": {\n      "version": "99.',
        ),
      says: "locked is 99.",
      mend: "npm ci",
    },
    {
      what: "another Node than the pinned one",
      only: "node",
      break: (checkout) => checkout.edit("package.json", '"node": "24.', '"node": "99.'),
      says: `runs on v${process.versions.node}, package.json pins v99.`,
      mend: "npm ci && npm rebuild node",
    },
    {
      what: "another wrangler than the pinned one",
      only: "wrangler",
      break: (checkout) => checkout.edit("package.json", '"wrangler": "4.', '"wrangler": "99.'),
      says: "package.json pins 99.",
      mend: "npm ci",
    },
    {
      what: "a wrangler.toml without KV",
      only: "bindings",
      break: (checkout) => checkout.edit("wrangler.toml", '[[kv_namespaces]]\nbinding = "CONFIG"', ""),
      says: "wrangler.toml lacks CONFIG",
      mend: 'add to wrangler.toml: [[kv_namespaces]] binding = "CONFIG"',
    },
    {
      what: "objects without SQLite",
      only: "bindings",
      break: (checkout) => checkout.edit("wrangler.toml", 'storage = "sqlite"', 'storage = "legacy-kv"'),
      says: "exports.UserLimiter",
      mend: "wrangler.toml",
    },
    {
      what: "a wrangler.toml that wrangler refuses",
      only: "bindings",
      break: (checkout) => checkout.edit("wrangler.toml", 'name = "edge-limiter"', "name = 7"),
      says: 'Expected "name" to be of type string',
      mend: "correct wrangler.toml",
    },
    {
      what: "types that are out of date",
      only: "types",
      break: (checkout) => checkout.edit("package.json", '"wrangler --version"', '"wrangler types --check"'),
      says: "worker-configuration.d.ts: ",
      mend: "npm run types",
    },
    {
      what: "a policy that does not compile, with the place",
      only: "policy",
      break: (checkout) =>
        checkout.edit("policy/default.json", '"defaultTier": "anonymous"', '"defaultTier": "fre"'),
      says: '/defaultTier unknown tier "fre"',
      mend: "policy/default.json",
    },
    {
      what: "a policy that is not JSON",
      only: "policy",
      break: (checkout) => checkout.write("policy/default.json", "{"),
      says: "is not JSON",
      mend: "policy/default.json",
    },
    {
      what: "a variable that the Worker refuses",
      only: "variables",
      break: (checkout) => checkout.edit("wrangler.toml", 'LOG_LEVEL = "info"', 'LOG_LEVEL = "loud"'),
      says: "LOG_LEVEL: ",
      mend: "[vars] in wrangler.toml",
    },
    {
      what: "an upstream that is no binding",
      only: "variables",
      break: (checkout) => checkout.edit("wrangler.toml", 'UPSTREAM = ""', 'UPSTREAM = "service:BILLING"'),
      says: "UPSTREAM: there is no service binding BILLING",
      mend: "[vars] in wrangler.toml",
    },
    {
      what: "tokens without the secret that they are signed with",
      only: "local-secrets",
      break: (checkout) => checkout.edit("wrangler.toml", "[vars]", '[vars]\nJWT_ALGORITHM = "HS256"'),
      says: ".dev.vars lacks JWT_SECRET",
      mend: 'echo "JWT_SECRET=$(openssl rand -hex 32)" >> .dev.vars',
    },
  ])("fails on $what", async (sick) => {
    await using checkout = await makeCheckout();
    await sick.break(checkout);
    const { code, stdout } = await examine(checkout, sick.only);
    expect(stdout).toContain(sick.says);
    expect(stdout).toMatch(/^ {8}mend: /m);
    expect(stdout).toContain(sick.mend);
    expect(code).toBe(1);
  });

  it("without secrets yet is told that npm start makes them", async () => {
    await using checkout = await makeCheckout();
    await rm(join(checkout.root, ".dev.vars"));
    const { code, stdout } = await examine(checkout, "local-secrets");
    expect(stdout).toContain("mend: npm start (it makes one with a random ADMIN_TOKEN)");
    expect(code).toBe(0);
  });

  it("never shows a secret, not even one that is refused", async () => {
    await using checkout = await makeCheckout();
    await checkout.write(".dev.vars", "ADMIN_TOKEN=hunter2\n");
    const { code, stdout, stderr } = await examine(checkout, "variables,local-secrets");
    expect(stdout).toContain("ADMIN_TOKEN: ");
    expect(stdout + stderr).not.toContain("hunter2");
    expect(code).toBe(1);
  });
});

describe.concurrent("at Cloudflare", { timeout: 120_000 }, () => {
  const CLOUDFLARE_CHECKS = "login,deployed-secrets,kv-namespace";
  const DEPLOYED = ["--url", "https://limiter.example", "--only"];

  it("nothing is asked, aloud, where the product is on this machine", async () => {
    const { code, stdout } = await runScript("doctor", ["--only", CLOUDFLARE_CHECKS]);
    expect(stdout.match(/skip .*Cloudflare only; this looks at nothing deployed/g)).toHaveLength(3);
    expect(code).toBe(0);
  });

  it("a login that is missing is one fault, and what depends on it is skipped", async () => {
    await using checkout = await makeCheckout();
    const { code, stdout } = await runScript("doctor", [
      ...DEPLOYED,
      CLOUDFLARE_CHECKS,
      "--project",
      checkout.root,
    ]);
    expect(stdout).toContain("FAIL  Wrangler login    wrangler is not logged in");
    expect(stdout).toContain("mend: npx wrangler login");
    expect(stdout).toContain("0 ok, 0 warnings, 1 failed, 2 skipped");
    expect(code).toBe(1);
  });

  it.each([
    {
      what: "finds the login, the secrets and the namespace",
      only: CLOUDFLARE_CHECKS,
      replies: {},
      code: 0,
      says: ["ok    Deployed secrets  ADMIN_TOKEN", "ok    KV namespace      CONFIG is edge-limiter-config"],
    },
    {
      what: "fails on a secret that nobody has set",
      only: "deployed-secrets",
      replies: NO_SECRETS,
      code: 1,
      says: ["the deployed Worker lacks ADMIN_TOKEN", "mend: npx wrangler secret put ADMIN_TOKEN"],
    },
    {
      what: "warns of a Worker that is not there yet",
      only: "deployed-secrets",
      replies: NEW_WORKER,
      code: 0,
      says: ["the Worker is new and has no ADMIN_TOKEN yet", "mend: npx wrangler secret put ADMIN_TOKEN"],
    },
    {
      what: "names the accounts of a login that has several, and says how to choose",
      only: "login",
      replies: TWO_ACCOUNTS,
      code: 0,
      says: [
        "WARN  Wrangler login    the login has several accounts: Acme (a1), Other (a2)",
        "mend: export CLOUDFLARE_ACCOUNT_ID=",
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
