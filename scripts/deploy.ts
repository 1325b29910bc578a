/**
 * `npm run deploy`: checks, builds, uploads, verifies what then runs, and says how to go back.
 *
 * Never asks a question and never prints a secret. Exit code 1 where a step fails, 2 where it was called wrongly.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { rollbackLines } from "./deploy/rollback.ts";
import type { Deployment, DeployOptions, Step, StepResult } from "./deploy/step.ts";
import { STEPS } from "./deploy/steps.ts";
import { duration } from "./doctor/report.ts";

/** A new workers.dev name is known everywhere within a minute, mostly within seconds. */
const DEFAULT_WAIT_SECONDS = 60;
const INDENT = " ".repeat(6);

const USAGE = `npm run deploy -- [options]

  --dry-run               check and build, upload nothing
  --url <url>             upload nothing, verify what runs there (npm start: http://localhost:8787)
  --skip-checks           neither the doctor's checks nor npm run check
  --secrets-file <file>   secrets to upload along, for the first deployment: NAME=value lines or JSON
  --overwrite             replace what was changed on Cloudflare's dashboard
  --wait <seconds>        how long the product may take until it is healthy (${DEFAULT_WAIT_SECONDS})
  --project <dir>         another checkout
  --help
`;

/** Null where only the usage was asked for. @throws TypeError where an option is wrong. */
function readOptions(): DeployOptions | null {
  const { values } = parseArgs({
    options: {
      "dry-run": { type: "boolean", default: false },
      url: { type: "string" },
      "skip-checks": { type: "boolean", default: false },
      "secrets-file": { type: "string" },
      overwrite: { type: "boolean", default: false },
      wait: { type: "string", default: String(DEFAULT_WAIT_SECONDS) },
      project: { type: "string", default: join(import.meta.dirname, "..") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const url = values.url === undefined ? null : URL.parse(values.url);
  if (values.url !== undefined && url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new TypeError(`--url must be an http(s) URL, not "${values.url}"`);
  }
  const waitSeconds = Number(values.wait);
  if (!(waitSeconds >= 0 && waitSeconds <= 3_600)) throw new TypeError("--wait must be 0 to 3600 seconds");
  const secretsFile = values["secrets-file"];
  return {
    root: resolve(values.project),
    isDryRun: values["dry-run"],
    url,
    skipChecks: values["skip-checks"],
    secretsFile: secretsFile === undefined ? null : resolve(secretsFile),
    overwrite: values.overwrite,
    waitMs: waitSeconds * 1_000,
  };
}

async function deploy(options: DeployOptions): Promise<void> {
  const deployment: Deployment = { options, url: options.url, versionId: null, previousVersionId: null };
  const startedAtMs = performance.now();
  for (const [i, step] of STEPS.entries()) {
    const result = await runStep(`[${i + 1}/${STEPS.length}]`, step, deployment);
    if (result.kind !== "failed") continue;
    console.log(`\nStopped at "${step.title}": ${result.reason}\n  Next: ${result.next}`);
    if (deployment.versionId) console.log(`  The new version is live.\n\n${rollbackLines(deployment)}`);
    process.exitCode = 1;
    return;
  }
  console.log(
    `\n${summaryOf(deployment)} in ${duration(performance.now() - startedAtMs)}.\n\n${rollbackLines(deployment)}`,
  );
}

/** Says that a step starts, what it says itself, and how it ended. */
async function runStep(number: string, step: Step, deployment: Deployment): Promise<StepResult> {
  console.log(`${number} ${step.title}`);
  const startedAtMs = performance.now();
  const result = await step.run(deployment, say);
  const took = duration(performance.now() - startedAtMs);
  switch (result.kind) {
    case "done":
      console.log(`${INDENT}done: ${result.detail} (${took})`);
      break;
    case "skipped":
      console.log(`${INDENT}skipped: ${result.reason}`);
      break;
    case "failed":
      console.log(`${INDENT}FAILED: ${result.reason} (${took})`);
  }
  return result;
}

/** A step's own lines, moved to the right. */
function say(text: string): void {
  for (const line of text.split("\n")) {
    if (line.trim() !== "") console.log(`${INDENT.slice(2)}${line}`);
  }
}

function summaryOf({ versionId, url, options }: Deployment): string {
  if (versionId)
    return `Deployed version ${versionId}${url ? ` to ${url.origin}, verified` : ", not verified"}`;
  return options.url ? `Verified ${options.url.origin}` : "Checked and built";
}

/** Undefined where the call was wrong, which is then said. */
function readCall(): DeployOptions | null | undefined {
  try {
    return readOptions();
  } catch (thrown) {
    console.error(`${thrown instanceof Error ? thrown.message : String(thrown)} (npm run deploy -- --help)`);
    return undefined;
  }
}

const options = readCall();
if (options === undefined) process.exitCode = 2;
else if (options === null) console.log(USAGE);
else await deploy(options);
