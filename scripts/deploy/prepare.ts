/** The steps before an upload: the doctor's checks, `npm run check`, a build whose size is reported. */
import { CloudflareAccount } from "../doctor/cloudflare-account.ts";
import type { CheckContext } from "../doctor/check.ts";
import { CHECKS } from "../doctor/checks.ts";
import { runScript, runWrangler, firstError } from "../doctor/command.ts";
import { examine, type Finding, summarize } from "../doctor/examine.ts";
import { findingLines, summaryLine } from "../doctor/report.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";
import { withEvents } from "./wrangler-events.ts";

/** Linting and type checks take about ten seconds; a slow machine gets five minutes. */
const CHECK_TIMEOUT_MS = 300_000;
/** Maximum compressed size of a Worker on Cloudflare's free plan. The paid plan allows 10 MiB. */
const FREE_PLAN_BYTES = 3 * 1024 * 1024;
const KIB = 1024;

const RETRY = "then run npm run deploy again; nothing was uploaded";

/** Runs all of the doctor's checks that need no running product. */
export async function examineCheckout(
  { options }: Deployment,
  say: (line: string) => void,
): Promise<StepResult> {
  if (options.skipChecks) return skip("--skip-checks");
  const context: CheckContext = {
    root: options.root,
    account: new CloudflareAccount(options.root),
    target: null,
    place: uploads(options) ? "deployed" : "local",
    secretsFile: options.secretsFile,
  };
  const findings: Finding[] = [];
  const checks = CHECKS.filter(({ needs }) => needs !== "target");
  for await (const finding of examine(checks, context)) {
    findings.push(finding);
    say(findingLines(finding));
  }
  const summary = summarize(findings);
  if (summary.fail === 0) return done(summaryLine(summary));
  return failed(summaryLine(summary), `fix the failures above, ${RETRY}`);
}

/** Whether this run uploads anything to Cloudflare. */
export function uploads({ isDryRun, url }: Deployment["options"]): boolean {
  return !isDryRun && url === null;
}

export async function check({ options }: Deployment, say: (line: string) => void): Promise<StepResult> {
  if (options.skipChecks) return skip("--skip-checks");
  // The Deploy to Cloudflare button rewrites wrangler.toml in its own format, which the format check rejects.
  if (process.env["WORKERS_CI"]) return skip("Workers Builds runs no checks: run them before you commit");
  const ran = await runScript(options.root, "check", { timeoutMs: CHECK_TIMEOUT_MS });
  if (ran.ok) return done("format, lint, types");
  say(`${ran.stdout}${ran.stderr}`);
  return failed("npm run check failed", `fix the errors above (npm run format fixes the format), ${RETRY}`);
}

/** Builds the bundle with wrangler, reports its size and discards it. */
export async function build({ options }: Deployment, say: (line: string) => void): Promise<StepResult> {
  const { ran, deployed } = await withEvents((environment, directory) =>
    runWrangler(options.root, ["deploy", "--dry-run", "--outdir", directory], { environment }),
  );
  if (!ran.ok) {
    say(`${ran.stdout}${ran.stderr}`);
    return failed(`the build failed: ${firstError(ran)}`, `fix the errors above, ${RETRY}`);
  }
  if (!deployed?.gzipBytes) return done("built");
  const size = `${(deployed.gzipBytes / KIB).toFixed(1)} KiB compressed`;
  return done(
    deployed.gzipBytes > FREE_PLAN_BYTES ? `${size}: more than the free plan allows (3 MiB)` : size,
  );
}
