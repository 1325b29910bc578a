/** The last two steps of `npm run deploy`, which verify the product: against a fake product on loopback. */
import { describe, expect, it } from "vitest";
import type { Deployment } from "../../scripts/deploy/step.ts";
import { verifyDenial } from "../../scripts/deploy/verify-denial.ts";
import { makeCheckout } from "./checkout.ts";
import { DENIED, HEALTH, ALLOWED, type Replies, startTarget } from "./fake-target.ts";
import { runScript } from "./run-script.ts";
import { IDLE } from "./wrangler-replies.ts";

/** Verifies a running product, without the checks. */
async function verify(replies: Replies, ...args: readonly string[]) {
  await using checkout = await makeCheckout({ wrangler: IDLE });
  await using target = await startTarget(replies);
  const options = ["--project", checkout.root, "--skip-checks", "--url", target.url, "--wait", "0", ...args];
  const run = await runScript("deploy", options);
  return { ...run, url: target.url, requests: target.requests };
}

/** Runs only the last step, in this process. */
async function deny(replies: Replies) {
  await using checkout = await makeCheckout({ wrangler: IDLE });
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
      gradual: null,
      target: null,
      soakMs: 0,
    },
    url: new URL(target.url),
    versionId: null,
    previousVersionId: null,
    headers: {},
    shares: [],
    interrupted: new AbortController().signal,
  };
  const said: string[] = [];
  const result = await verifyDenial(deployment, (line) => said.push(line));
  return { result, said: said.join("\n"), requests: target.requests };
}

describe.concurrent("npm run deploy -- --url", { timeout: 120_000 }, () => {
  it("succeeds if the product is healthy and denies with a real 429", async () => {
    const { code, stdout, url } = await verify({});
    expect(stdout).toContain("[4/6] wrangler deploy\n      skipped: --url only verifies");
    expect(stdout).toContain(`done: ${url} is ok, runs 0.1.0`);
    expect(stdout).toContain(
      '429 on GET /api/refresh after 5 allowed; Retry-After: 12; RateLimit: "refresh";r=0;t=12',
    );
    expect(stdout).toContain("npx wrangler rollback [version]");
    expect(code).toBe(0);
  });

  it("announces that it spends the address's tokens before it does", async () => {
    const { stdout } = await verify({});
    const said = stdout.indexOf("spends the tokens of this machine's address");
    expect(said).toBeGreaterThan(0);
    expect(said).toBeLessThan(stdout.indexOf("429 on GET"));
  });

  it("fails if 200 requests get no 429", async () => {
    const { code, stdout, requests } = await verify({ "/api/refresh": ALLOWED });
    expect(stdout).toContain("GET /api/refresh was allowed 200 times and never denied");
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
      what: "does not become healthy in time",
      health: { body: { ...HEALTH, status: "degraded", checks: { policy: "no answer", limiter: "ok" } } },
      says: "not healthy after 0 s: status degraded: policy: no answer",
    },
    { what: "is another server", health: { status: 404 }, says: "/health returns 404" },
  ])("stops before it spends a token if the product $what", async ({ health, says }) => {
    const { code, stdout, requests } = await verify({ "/health": health });
    expect(stdout).toContain(says);
    expect(stdout).toMatch(/^ {2}Next: /m);
    expect(new Set(requests)).toEqual(new Set(["GET /health"]));
    expect(code).toBe(1);
  });

  it("waits until the product is healthy", async () => {
    const health = (count: number) => (count < 3 ? { status: 503, body: {} } : { body: HEALTH });
    const { code, stdout } = await verify({ "/health": health }, "--wait", "30");
    expect(stdout).toContain("waiting: /health returns 503");
    expect(code).toBe(0);
  });
});

describe("a real 429", () => {
  it.each([
    { lacks: "Retry-After in whole seconds", headers: { "Retry-After": "soon" } },
    { lacks: "Content-Type application/problem+json", headers: { "Content-Type": "text/html" } },
    { lacks: "RateLimit", headers: { RateLimit: "5" } },
    { lacks: "RateLimit-Policy", headers: { "RateLimit-Policy": "5" } },
  ])("is not accepted without $lacks", async ({ lacks, headers }) => {
    const { result } = await deny({
      "/api/refresh": { ...DENIED, headers: { ...DENIED.headers, ...headers } },
    });
    expect(result).toMatchObject({
      kind: "failed",
      reason: `GET /api/refresh returned 429 without ${lacks}`,
    });
  });

  it("is not accepted from another sender than the limiter", async () => {
    const { result } = await deny({ "/api/refresh": { status: 429, body: { error: "slow down" } } });
    expect(result.kind).toBe("failed");
    expect(JSON.stringify(result)).toContain("quota_exceeded");
  });

  it("is sought on the next route if the policy in force does not limit the first", async () => {
    const { result, said, requests } = await deny({
      "/api/refresh": { status: 404, body: {} },
      "/compare": (count) => (count <= 22 ? ALLOWED : DENIED),
    });
    expect(said).toContain("GET /api/refresh returns 404 without RateLimit");
    expect(result).toMatchObject({ kind: "done" });
    expect(JSON.stringify(result)).toContain("429 on GET /compare after 22 allowed");
    expect(requests.filter((request) => request === "GET /api/refresh")).toHaveLength(1);
  });

  it("must come from some route, and is never sought on a route that requires a credential", async () => {
    const { result, requests } = await deny({ "/api/refresh": { status: 404, body: {} } });
    expect(result).toMatchObject({ kind: "failed" });
    expect(requests).toEqual(["GET /api/refresh", "GET /compare", "GET /identify/edge-limiter-check"]);
  });
});
