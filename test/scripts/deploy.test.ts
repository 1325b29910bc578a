/**
 * `npm run deploy`, run as a separate process against a fake Cloudflare. The real wrangler runs the commands whose result a test is about;
 * a stand-in replies to the others. Those of the doctor's checks run for real in its own tests.
 */
import { describe, expect, it } from "vitest";
import { makeCheckout } from "./checkout.ts";
import {
  HOST,
  LEFTOVER_NAMESPACE,
  NEW_WORKER,
  RAN_BEFORE,
  startCloudflare,
  UPLOADED,
  uploadsOf,
} from "./fake-cloudflare.ts";
import { runScript } from "./run-script.ts";
import { BUILT, LOGGED_IN, NAMESPACE, SECRETS } from "./wrangler-replies.ts";

/** All checks of the account succeed. */
const CHECKED = { ...LOGGED_IN, ...SECRETS, ...NAMESPACE };
/** The build succeeds, and no version runs. */
const UPLOADS = { ...BUILT, "deployments status": "" };

describe("deploying", { timeout: 120_000 }, () => {
  it("uploads nothing with --dry-run, and reports the skipped steps", async () => {
    await using checkout = await makeCheckout({ wrangler: {} });
    await using cloudflare = await startCloudflare();
    const run = await runScript("deploy", ["--dry-run", "--project", checkout.root], {
      cloudflare: cloudflare.url,
    });
    expect(run.stdout).toContain("done: format, lint, types");
    expect(run.stdout).toMatch(/done: \d+\.\d KiB compressed/);
    expect(run.stdout).toContain("[4/6] wrangler deploy\n      skipped: --dry-run");
    expect(run.stdout).toContain("[6/6] Verify a real 429\n      skipped: ");
    expect(cloudflare.requests).toEqual([]);
    expect(run.code).toBe(0);
  });

  it("stops before the build if a check of the doctor fails, and prints the fix", async () => {
    await using checkout = await makeCheckout({ wrangler: CHECKED });
    await using cloudflare = await startCloudflare();
    await checkout.write("policy/default.json", "{}");
    const run = await runScript("deploy", ["--project", checkout.root], { cloudflare: cloudflare.url });
    expect(run.stdout).toContain("FAIL  Policy");
    expect(run.stdout).toContain(" 1 failed, ");
    expect(run.stdout).toContain('Stopped at "Doctor\'s checks"');
    expect(run.stdout).toContain(
      "Next: fix the failures above, then run npm run deploy again; nothing was uploaded",
    );
    expect(run.stdout).not.toContain("[2/6]");
    expect(uploadsOf(cloudflare)).toEqual([]);
    expect(run.code).toBe(1);
  });

  it("stops if npm run check fails, and shows its output", async () => {
    await using checkout = await makeCheckout({
      check: `node -e "console.log('line 7 is ugly'); process.exit(1)"`,
      wrangler: {},
    });
    const run = await runScript("deploy", ["--dry-run", "--project", checkout.root]);
    expect(run.stdout).toContain("line 7 is ugly");
    expect(run.stdout).toContain('Stopped at "npm run check"');
    expect(run.code).toBe(1);
  });

  it("stops if the build fails, and shows wrangler's output", async () => {
    await using checkout = await makeCheckout();
    await checkout.edit("worker.ts", "export default", 'import "./missing.ts";\nexport default');
    const run = await runScript("deploy", ["--dry-run", "--skip-checks", "--project", checkout.root]);
    expect(run.stdout).toContain('Could not resolve "./missing.ts"');
    expect(run.stdout).toContain('Stopped at "Build"');
    expect(run.code).toBe(1);
  });

  it("says how to log in if wrangler is not logged in", async () => {
    await using checkout = await makeCheckout({ wrangler: UPLOADS });
    const run = await runScript("deploy", ["--skip-checks", "--project", checkout.root]);
    expect(run.stdout).toContain('Stopped at "wrangler deploy": wrangler is not logged in');
    expect(run.stdout).toContain("Next: npx wrangler login");
    expect(run.code).toBe(1);
  });

  it("uploads after all checks, and says how to roll back if it cannot verify the new version", async () => {
    await using checkout = await makeCheckout({ wrangler: CHECKED });
    await using cloudflare = await startCloudflare();
    const run = await runScript("deploy", ["--project", checkout.root, "--wait", "0"], {
      cloudflare: cloudflare.url,
    });
    expect(run.stdout).toContain("0 failed");
    expect(run.stdout).toContain(`done: version ${UPLOADED} at https://${HOST}`);
    expect(uploadsOf(cloudflare)).toHaveLength(1);
    expect(run.stdout).toContain('Stopped at "Verify health"');
    expect(run.stdout).toContain("The new version is live.");
    expect(run.stdout).toContain(`npx wrangler rollback ${RAN_BEFORE}`);
    expect(run.code).toBe(1);
  });

  it("says how to set the secret that a new Worker lacks", async () => {
    await using checkout = await makeCheckout({ wrangler: UPLOADS });
    await using cloudflare = await startCloudflare(NEW_WORKER);
    const run = await runScript("deploy", ["--skip-checks", "--project", checkout.root], {
      cloudflare: cloudflare.url,
    });
    expect(run.stdout).toContain("the Worker lacks a secret that wrangler.toml requires");
    expect(run.stdout).toContain("Next: npx wrangler secret put ADMIN_TOKEN");
    expect(uploadsOf(cloudflare)).toEqual([]);
    expect(run.code).toBe(1);
  });

  it("says how to reuse a namespace that no version uses any more", async () => {
    await using checkout = await makeCheckout({ wrangler: UPLOADS });
    await using cloudflare = await startCloudflare(LEFTOVER_NAMESPACE);
    await checkout.write("secrets.env", "ADMIN_TOKEN=0123456789abcdef\n");
    const args = [
      "--skip-checks",
      "--project",
      checkout.root,
      "--secrets-file",
      `${checkout.root}/secrets.env`,
    ];
    const run = await runScript("deploy", args, { cloudflare: cloudflare.url });
    expect(run.stdout).toContain("the account has a KV namespace with this name");
    expect(run.stdout).toContain("Next: find its id with npx wrangler kv namespace list");
    expect(run.code).toBe(1);
  });

  it("uploads a new Worker's secrets and never shows them", async () => {
    await using checkout = await makeCheckout({ wrangler: { ...UPLOADS, ...LOGGED_IN, ...NAMESPACE } });
    await using cloudflare = await startCloudflare(NEW_WORKER);
    const secret = "correct-horse-battery-staple";
    await checkout.write("secrets.env", `ADMIN_TOKEN=${secret}\n`);
    const args = [
      "--project",
      checkout.root,
      "--secrets-file",
      `${checkout.root}/secrets.env`,
      "--wait",
      "0",
    ];
    const run = await runScript("deploy", args, { cloudflare: cloudflare.url });
    expect(run.stdout).toContain("ok    Deployed secrets  ADMIN_TOKEN");
    expect(run.stdout).toContain(`done: version ${UPLOADED}`);
    expect(run.stdout).toContain("This was the Worker's first deployment");
    expect(run.stdout + run.stderr).not.toContain(secret);
  });

  it.each([
    ["--url", "localhost"],
    ["--wait", "soon"],
    ["--fast"],
    ["--soak", "5"],
    ["--target", "https://a.example"],
  ])("rejects invalid options: %s %s", async (...args) => {
    const run = await runScript("deploy", args);
    expect(run.stderr).toContain("npm run deploy -- --help");
    expect(run.stdout).toBe("");
    expect(run.code).toBe(2);
  });
});
