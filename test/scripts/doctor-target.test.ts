/** The doctor's checks of a running product: run as a separate process against a fake product on loopback. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type Checkout, makeCheckout } from "./checkout.ts";
import { HEALTH, type Replies, startTarget } from "./fake-target.ts";
import { runScript } from "./run-script.ts";

const TARGET_CHECKS = "health,ready,kv,limiter,clock";

const documentSchema = z.object({
  ok: z.boolean(),
  url: z.nullable(z.string()),
  summary: z.object({ ok: z.number(), warnings: z.number(), failed: z.number(), skipped: z.number() }),
  checks: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      examines: z.string(),
      outcome: z.enum(["ok", "warn", "fail", "skipped"]),
      reason: z.string(),
      fix: z.nullable(z.string()),
      ms: z.number(),
    }),
  ),
});

let checkout: Checkout;
beforeAll(async () => {
  checkout = await makeCheckout();
});
afterAll(() => checkout[Symbol.asyncDispose]());

async function examine(replies: Replies, only = TARGET_CHECKS) {
  await using target = await startTarget(replies);
  return await runScript("doctor", ["--project", checkout.root, "--url", target.url, "--only", only]);
}

describe("a running product", { timeout: 120_000 }, () => {
  it("passes every check if it is healthy", async () => {
    const { code, stdout } = await examine({});
    expect(stdout).toMatch(/ok {4}Health {12}0\.1\.0, policy revision 7 \(\d+ ms\)/);
    expect(stdout).toMatch(/ok {4}Limiter {11}tier anonymous, left: minute 44\/45/);
    expect(stdout).toContain("5 ok, 0 warnings, 0 failed, 0 skipped");
    expect(code).toBe(0);
  });

  it("is checked without spending tokens", async () => {
    await using target = await startTarget();
    await runScript("doctor", ["--url", target.url, "--only", TARGET_CHECKS]);
    expect(target.requests.toSorted()).toEqual([
      "GET /api/v1/rate-limit/status",
      "GET /health",
      "GET /ready",
    ]);
  });

  it("is looked for at PORT if no URL is given", async () => {
    await using target = await startTarget();
    const { port } = new URL(target.url);
    const { code, stdout } = await runScript("doctor", ["--only", "health"], { env: { PORT: port } });
    expect(stdout).toContain(`Edge Limiter doctor: http://localhost:${port}`);
    expect([code, target.requests]).toEqual([0, ["GET /health"]]);
  });

  it("is looked for at --url rather than at PORT", async () => {
    await using target = await startTarget();
    const args = ["--url", target.url, "--only", "health"];
    const { code } = await runScript("doctor", args, { env: { PORT: "9" } });
    expect([code, target.requests]).toEqual([0, ["GET /health"]]);
  });

  it.each([
    { PORT: "eighty", says: 'PORT must be an integer from 0 to 65535, not "eighty"' },
    { PORT: "65536", says: "PORT must be an integer from 0 to 65535" },
    { PORT: "0", says: "set PORT to the port that npm start has printed" },
  ])("cannot be looked for at PORT=$PORT", async ({ PORT, says }) => {
    const { code, stdout, stderr } = await runScript("doctor", ["--only", "health"], { env: { PORT } });
    expect(stderr).toContain(says);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it("that is not running fails one check with its fix, and the dependent checks are reported as skipped", async () => {
    const target = await startTarget();
    await target[Symbol.asyncDispose]();
    const { code, stdout } = await runScript("doctor", ["--url", target.url, "--only", TARGET_CHECKS]);
    expect(stdout).toContain(`FAIL  Health            ${target.url}: nothing listens there`);
    expect(stdout).toContain(`fix: PORT=${new URL(target.url).port} npm start in another terminal`);
    expect(stdout).toContain("skip  Limiter           /health did not answer");
    expect(stdout).toContain("0 ok, 0 warnings, 1 failed, 4 skipped");
    expect(code).toBe(1);
  });

  it.each([
    {
      what: "a redirect, naming its target",
      replies: { "/health": { status: 301, headers: { Location: "https://limiter.example/health" } } },
      says: "redirects (301) to https://limiter.example/health",
      fix: "pass the URL it redirects to",
    },
    {
      what: "a server of another product",
      replies: { "/health": { status: 404 } },
      says: "/health returns 404, but not in Edge Limiter's format",
      fix: "pass the URL of the limiter: --url <url>",
    },
    {
      what: "a Worker that fails",
      replies: { "/health": { status: 500, body: { code: "internal_error" } } },
      says: "/health returns 500: the Worker fails",
      fix: "LOG_LEVEL=debug npm start",
    },
    {
      what: "degraded health, with its reason",
      replies: {
        "/health": { body: { ...HEALTH, status: "degraded", checks: { policy: "ok", limiter: "open" } } },
      },
      says: "status degraded: limiter: open",
      fix: "read the output of npm start",
    },
    {
      what: "Durable Objects that do not answer",
      replies: {
        "/ready": { status: 503, body: { checks: { policy: "ok", limiter: "not responding" } } },
        "/api/v1/rate-limit/status": { status: 503, body: { code: "temporary_reduced_capacity" } },
      },
      says: "/ready returns 503: policy: ok; limiter: not responding",
      fix: "read the output of npm start",
    },
    {
      what: "a policy store that does not answer",
      replies: {
        "/health": {
          body: { ...HEALTH, status: "degraded", checks: { policy: "no answer", limiter: "ok" } },
        },
      },
      says: "FAIL  KV                policy: no answer",
      fix: "restart npm start",
    },
    {
      what: "a clock that is an hour off",
      replies: {
        "/health": { headers: { Date: new Date(Date.now() - 3_600_000).toUTCString() }, body: HEALTH },
      },
      says: "FAIL  Clock             differs from this machine's by 3",
      fix: "timedatectl set-ntp true",
    },
  ])("fails on $what", async ({ replies, says, fix }) => {
    const { code, stdout } = await examine(replies);
    expect(stdout).toContain(says);
    expect(stdout).toContain("fix: ");
    expect(stdout).toContain(fix);
    expect(code).toBe(1);
  });

  it("of another version gets a warning, not a failure", async () => {
    const { code, stdout } = await examine(
      { "/health": { body: { ...HEALTH, version: "0.0.9" } } },
      "health",
    );
    expect(stdout).toContain("WARN  Health            runs 0.0.9, this checkout is 0.1.0");
    expect(stdout).toContain("fix: stop it and run npm start again");
    expect(stdout).toContain("0 ok, 1 warning, 0 failed, 0 skipped");
    expect(code).toBe(0);
  });
});

describe("the report", { timeout: 120_000 }, () => {
  it("has the same findings as one JSON document with --json", async () => {
    await using target = await startTarget({ "/ready": { status: 503, body: {} } });
    const args = ["--project", checkout.root, "--url", target.url, "--only", "login,health,ready", "--json"];
    const { code, stdout } = await runScript("doctor", args);
    const report = documentSchema.parse(JSON.parse(stdout));
    expect(report.summary).toEqual({ ok: 1, warnings: 0, failed: 1, skipped: 1 });
    expect(report.checks.map(({ id, outcome }) => [id, outcome])).toEqual([
      ["login", "skipped"],
      ["health", "ok"],
      ["ready", "fail"],
    ]);
    expect(report.checks.every(({ outcome, fix }) => (fix !== null) === (outcome === "fail"))).toBe(true);
    expect(report).toMatchObject({ ok: false, url: target.url });
    expect(code).toBe(1);
  });

  it("has no ANSI codes if stdout is not a terminal", async () => {
    const { stdout } = await examine({ "/ready": { status: 503 } });
    expect(stdout).not.toContain("\u001B");
  });

  it.each([
    { args: ["--only", "helth"], says: 'unknown check "helth" (known: node, ' },
    { args: ["--url", "localhost:8787"], says: "--url must be an http or https URL" },
    { args: ["--fast"], says: "--fast" },
  ])("is replaced by a usage error for $args", async ({ args, says }) => {
    const { code, stdout, stderr } = await runScript("doctor", args);
    expect(stderr).toContain(says);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("lists every check with --help", async () => {
    const { code, stdout } = await runScript("doctor", ["--help"]);
    for (const id of ["node", "login", "bindings", "deployed-secrets", "policy", "kv", "limiter"]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${id} `, "m"));
    }
    expect(code).toBe(0);
  });
});
