/**
 * Load scenarios against limiters with a fault: k6 must exit with 99. Runs the first requests of a scenario against a fake
 * limiter. Skipped with a message if k6 is not installed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findK6 } from "../../scripts/load/find-k6.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const ADMIN = "/api/v1/admin";
/** Enough to exceed the burst of a free user, who sends 70 % of the requests. */
const REQUESTS = "400";

type Verdict = "admitted" | "denied" | "denied without Retry-After";

const k6 = await findK6({ k6Bin: process.env["K6_BIN"] });
if (!k6)
  process.stderr.write("SKIPPED: load scenarios against limiters with faults, because k6 is not installed\n");

/** Starts a fake limiter with an admin API. @returns its URL. */
async function serverOf(verdictOf: () => Verdict): Promise<string> {
  const shipped = await readFile(join(ROOT, "policy", "default.json"), "utf8");
  // Only users of strict tiers are never denied what an exact limiter admits.
  const document: unknown = JSON.parse(shipped, (name, value: unknown) =>
    (name === "free" || name === "pro") && typeof value === "object" ? { ...value, mode: "strict" } : value,
  );
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    request.resume();
    if (path.startsWith(ADMIN)) {
      response.end(JSON.stringify({ document, key: "el_test_any" }));
      return;
    }
    const verdict = verdictOf();
    response.setHeader("Server-Timing", 'limiter;dur=0.1;desc="strict"');
    if (verdict === "admitted") response.end("ok");
    else {
      response.setHeader("Content-Type", "application/problem+json");
      if (verdict === "denied") response.setHeader("Retry-After", "1");
      response.writeHead(429).end("{}");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return `http://127.0.0.1:${address.port}`;
}

/** Runs the first requests of a scenario with one virtual user. @returns k6's exit code and the failed thresholds. */
async function run(scenario: string, url: string): Promise<{ code: unknown; failed: string[] }> {
  const file = join(ROOT, "load", "scenarios", `${scenario}.ts`);
  const args = [
    "run",
    "--quiet",
    "--address",
    "",
    "--no-usage-report",
    "--vus",
    "1",
    "--iterations",
    REQUESTS,
  ];
  const child = spawn(k6?.path ?? "", [...args, file], {
    env: { ...process.env, LOAD_URL: url, ADMIN_TOKEN: "none", LOAD_PROFILE: "short", LOAD_REPORTS: "" },
  });
  let output = "";
  child.stdout.on("data", (text) => (output += String(text)));
  child.stderr.on("data", (text) => (output += String(text)));
  const [code] = await once(child, "close");
  return { code, failed: [...output.matchAll(/✗ (\w+)/g)].map(([, name = ""]) => name) };
}

describe.skipIf(!k6)("a load scenario fails if a limiter", () => {
  it.each<[what: string, metric: string, verdictOf: (n: number) => Verdict]>([
    ["admits more than an exact one", "over_admitted", () => "admitted"],
    [
      "denies requests that an exact one admits",
      "under_admitted",
      (n) => (n % 50 === 0 ? "denied" : "admitted"),
    ],
    ["denies without Retry-After", "errors", (n) => (n > 150 ? "denied without Retry-After" : "admitted")],
  ])("%s: %s", async (_what, metric, verdictOf) => {
    let n = 0;
    const { code, failed } = await run("soak", await serverOf(() => verdictOf(++n)));
    expect(failed).toContain(metric);
    expect(code).toBe(99);
  });
});
