/** What comes before an upload: the doctor's checks, `npm run check`, a build that is measured. */
import { Account } from "../doctor/account.ts";
import type { Patient } from "../doctor/check.ts";
import { CHECKS } from "../doctor/checks.ts";
import { runScript, runWrangler, firstError } from "../doctor/command.ts";
import { examine, type Finding, summarize } from "../doctor/examine.ts";
import { findingLines, summaryLine } from "../doctor/report.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";
import { withEvents } from "./wrangler-events.ts";

/** Linting and types of the whole project take some ten seconds; a slow machine gets five minutes. */
const CHECK_TIMEOUT_MS = 300_000;
/** What a Worker may weigh on Cloudflare's free plan, compressed. The paid plan takes 10 MiB. */
const FREE_PLAN_BYTES = 3 * 1024 * 1024;
const KIB = 1024;

const AGAIN = "then run npm run deploy again; nothing was uploaded";

/** All of the doctor's checks but those that need a running product. */
export async function examineCheckout(
  { options }: Deployment,
  say: (line: string) => void,
): Promise<StepResult> {
  if (options.skipChecks) return skip("--skip-checks");
  const patient: Patient = {
    root: options.root,
    account: new Account(options.root),
    target: null,
    place: uploads(options) ? "deployed" : "local",
    secretsFile: options.secretsFile,
  };
  const findings: Finding[] = [];
  const checks = CHECKS.filter(({ needs }) => needs !== "target");
  for await (const finding of examine(checks, patient)) {
    findings.push(finding);
    say(findingLines(finding));
  }
  const summary = summarize(findings);
  if (summary.fail === 0) return done(summaryLine(summary));
  return failed(summaryLine(summary), `mend what failed above, ${AGAIN}`);
}

/** Whether this run sends anything to Cloudflare. */
export function uploads({ isDryRun, url }: Deployment["options"]): boolean {
  return !isDryRun && url === null;
}

export async function check({ options }: Deployment, say: (line: string) => void): Promise<StepResult> {
  if (options.skipChecks) return skip("--skip-checks");
  // The Deploy to Cloudflare button writes names and ids into wrangler.toml, in its own format.
  if (process.env["WORKERS_CI"]) return skip("Workers Builds: the commit was checked where it was made");
  const ran = await runScript(options.root, "check", { timeoutMs: CHECK_TIMEOUT_MS });
  if (ran.ok) return done("format, lint, types");
  say(`${ran.stdout}${ran.stderr}`);
  return failed(
    "npm run check failed",
    `mend what it says above (npm run format mends the format), ${AGAIN}`,
  );
}

/** The bundle that would be uploaded, made by wrangler and thrown away again. */
export async function build({ options }: Deployment, say: (line: string) => void): Promise<StepResult> {
  const { ran, deployed } = await withEvents((environment, directory) =>
    runWrangler(options.root, ["deploy", "--dry-run", "--outdir", directory], { environment }),
  );
  if (!ran.ok) {
    say(`${ran.stdout}${ran.stderr}`);
    return failed(`the build failed: ${firstError(ran)}`, `mend what wrangler says above, ${AGAIN}`);
  }
  if (!deployed?.gzipBytes) return done("built");
  const size = `${(deployed.gzipBytes / KIB).toFixed(1)} KiB compressed`;
  return done(deployed.gzipBytes > FREE_PLAN_BYTES ? `${size}: more than the free plan takes (3 MiB)` : size);
}
