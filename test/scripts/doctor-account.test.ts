/** The doctor's checks of a Cloudflare account: run as a separate process, with wrangler logged in to a fake Cloudflare. */
import { describe, expect, it } from "vitest";
import { makeCheckout } from "./checkout.ts";
import { NEW_WORKER, startCloudflare, TWO_ACCOUNTS } from "./fake-cloudflare.ts";
import { runScript } from "./run-script.ts";
import { LOGGED_IN, NAMESPACE } from "./wrangler-replies.ts";

describe("a Cloudflare account", { timeout: 120_000 }, () => {
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
      wrangler: {},
      code: 0,
      says: ["ok    Deployed secrets  ADMIN_TOKEN", "ok    KV namespace      CONFIG is edge-limiter-config"],
    },
    {
      what: "fails on a missing secret",
      only: "deployed-secrets",
      replies: {},
      wrangler: { ...LOGGED_IN, "secret list": "[]" },
      code: 1,
      says: ["the deployed Worker lacks ADMIN_TOKEN", "fix: npx wrangler secret put ADMIN_TOKEN"],
    },
    {
      what: "fails on one of Stripe's secrets without the other",
      only: "deployed-secrets",
      replies: {},
      wrangler: {
        ...LOGGED_IN,
        "secret list": JSON.stringify([{ name: "ADMIN_TOKEN" }, { name: "STRIPE_SECRET_KEY" }]),
      },
      code: 1,
      says: ["STRIPE_SECRET_KEY is set, but STRIPE_WEBHOOK_SECRET is not", "fix: set both secrets of Stripe"],
    },
    {
      what: "warns if the Worker does not exist yet",
      only: "deployed-secrets",
      replies: NEW_WORKER,
      wrangler: LOGGED_IN,
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
      wrangler: {},
      code: 0,
      says: [
        "WARN  Wrangler login    the login has several accounts: Acme (a1), Other (a2)",
        "fix: export CLOUDFLARE_ACCOUNT_ID=",
      ],
    },
    {
      what: "fails if the deployment was first used in a jurisdiction that is no longer named",
      only: "jurisdiction",
      replies: {},
      wrangler: { ...LOGGED_IN, ...NAMESPACE, "kv key get jurisdiction": "eu" },
      code: 1,
      says: ["JURISDICTION is none, but the deployment's objects are in eu", 'fix: set JURISDICTION = "eu"'],
    },
    {
      what: "passes in the jurisdiction of its first use",
      only: "jurisdiction",
      replies: {},
      wrangler: { ...LOGGED_IN, ...NAMESPACE, "kv key get jurisdiction": "none" },
      code: 0,
      says: ["ok    Jurisdiction      none"],
    },
    {
      what: "passes before the first use",
      only: "jurisdiction",
      replies: {},
      wrangler: { ...LOGGED_IN, ...NAMESPACE, "kv key get jurisdiction": "Value not found" },
      code: 0,
      says: ["the deployment has not been used yet"],
    },
  ])("$what", async ({ only, replies, wrangler, code, says }) => {
    await using checkout = await makeCheckout({ wrangler });
    await using cloudflare = await startCloudflare(replies);
    const run = await runScript("doctor", [...DEPLOYED, only, "--project", checkout.root], {
      cloudflare: cloudflare.url,
    });
    for (const line of says) expect(run.stdout).toContain(line);
    expect(run.code).toBe(code);
  });
});
