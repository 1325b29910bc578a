/** What `npm run deploy` promises of its last two steps: against a stand-in for the product, on loopback. */
import { describe, expect, it } from "vitest";
import type { Deployment } from "../../scripts/deploy/step.ts";
import { verifyDenial } from "../../scripts/deploy/verify-denial.ts";
import { makeCheckout } from "./checkout.ts";
import { DENIED, HEALTH, PASSED, type Replies, startTarget } from "./fake-target.ts";
import { runScript } from "./run-script.ts";

/** Verifies a product that runs already, without the checks. */
async function verify(replies: Replies, ...args: readonly string[]) {
  await using checkout = await makeCheckout();
  await using target = await startTarget(replies);
  const options = ["--project", checkout.root, "--skip-checks", "--url", target.url, "--wait", "0", ...args];
  const run = await runScript("deploy", options);
  return { ...run, url: target.url, requests: target.requests };
}

/** The last step alone, in this process. */
async function deny(replies: Replies) {
  await using checkout = await makeCheckout();
  await using target = await startTarget(replies);
  const deployment: Deployment = {
    options: {
      root: checkout.root,
      isDryRun: false,
      url: new URL(target.url),
      skipChecks: true,
      secretsFile: null,
      overwrite: false,
      waitMs: 0,
    },
    url: new URL(target.url),
    versionId: null,
    previousVersionId: null,
  };
  const said: string[] = [];
  const result = await verifyDenial(deployment, (line) => said.push(line));
  return { result, said: said.join("\n"), requests: target.requests };
}

describe.concurrent("npm run deploy -- --url", { timeout: 120_000 }, () => {
  it("ends well where the product is healthy and refuses with a real 429", async () => {
    const { code, stdout, url } = await verify({});
    expect(stdout).toContain("[4/6] wrangler deploy\n      skipped: --url: verifies what runs there");
    expect(stdout).toContain(`done: ${url} is ok, runs 0.1.0`);
    expect(stdout).toContain(
      '429 on GET /api/refresh after 5 passed; Retry-After: 12; RateLimit: "refresh";r=0;t=12',
    );
    expect(stdout).toContain("npx wrangler rollback [version]");
    expect(code).toBe(0);
  });

  it("says beforehand that it spends the address's tokens", async () => {
    const { stdout } = await verify({});
    const said = stdout.indexOf("spends the tokens of this machine's address");
    expect(said).toBeGreaterThan(0);
    expect(said).toBeLessThan(stdout.indexOf("429 on GET"));
  });

  it("fails where no 429 comes, after 200 requests", async () => {
    const { code, stdout, requests } = await verify({ "/api/refresh": PASSED });
    expect(stdout).toContain("GET /api/refresh passed 200 times and was never refused");
    expect(requests.filter((request) => request === "GET /api/refresh")).toHaveLength(200);
    expect(code).toBe(1);
  });

  it.each([
    {
      what: "redirects",
      health: { status: 308, headers: { Location: "https://www.example/health" } },
      says: "/health redirects to https://www.example/health",
    },
    {
      what: "is not healthy in time",
      health: { body: { ...HEALTH, status: "degraded", checks: { policy: "no answer", limiter: "ok" } } },
      says: "not healthy after 0 s: is degraded: policy: no answer",
    },
    { what: "is another server", health: { status: 404 }, says: "/health answers 404" },
  ])("stops before it spends a token where the product $what", async ({ health, says }) => {
    const { code, stdout, requests } = await verify({ "/health": health });
    expect(stdout).toContain(says);
    expect(stdout).toMatch(/^ {2}Next: /m);
    expect(new Set(requests)).toEqual(new Set(["GET /health"]));
    expect(code).toBe(1);
  });

  it("waits until the product is healthy", async () => {
    const health = (count: number) => (count < 3 ? { status: 503, body: {} } : { body: HEALTH });
    const { code, stdout } = await verify({ "/health": health }, "--wait", "30");
    expect(stdout).toContain("waiting: /health answers 503");
    expect(code).toBe(0);
  });
});

describe("a real 429", () => {
  it.each([
    { lacks: "Retry-After in whole seconds", headers: { "Retry-After": "soon" } },
    { lacks: "Content-Type application/problem+json", headers: { "Content-Type": "text/html" } },
    { lacks: "RateLimit", headers: { RateLimit: "5" } },
    { lacks: "RateLimit-Policy", headers: { "RateLimit-Policy": "5" } },
  ])("is none without $lacks", async ({ lacks, headers }) => {
    const { result } = await deny({
      "/api/refresh": { ...DENIED, headers: { ...DENIED.headers, ...headers } },
    });
    expect(result).toMatchObject({
      kind: "failed",
      reason: `GET /api/refresh was refused with 429, but without ${lacks}`,
    });
  });

  it("is none that somebody else sends", async () => {
    const { result } = await deny({ "/api/refresh": { status: 429, body: { error: "slow down" } } });
    expect(result.kind).toBe("failed");
    expect(JSON.stringify(result)).toContain("quota_exceeded");
  });

  it("is looked for on the next route where the policy in force does not know the first", async () => {
    const { result, said, requests } = await deny({
      "/api/refresh": { status: 404, body: {} },
      "/compare": (count) => (count <= 22 ? PASSED : DENIED),
    });
    expect(said).toContain("GET /api/refresh answers 404 without limits");
    expect(result).toMatchObject({ kind: "done" });
    expect(JSON.stringify(result)).toContain("429 on GET /compare after 22 passed");
    expect(requests.filter((request) => request === "GET /api/refresh")).toHaveLength(1);
  });

  it("is not to be had where the policy in force knows no route of ours, nor where a credential is required", async () => {
    const { result, requests } = await deny({ "/api/refresh": { status: 404, body: {} } });
    expect(result).toMatchObject({ kind: "failed" });
    expect(requests).toEqual(["GET /api/refresh", "GET /compare", "GET /identify/edge-limiter-check"]);
  });
});
