/**
 * `npm run deploy`: checks, builds, uploads, verifies the running product, and prints how to roll back.
 *
 * Never prompts and never prints a secret. Exit code 1 if a step fails, 2 for a usage error.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { rollbackLines } from "./deploy/rollback.ts";
import type { Deployment, DeployOptions, Step, StepResult } from "./deploy/step.ts";
import { STEPS } from "./deploy/steps.ts";
import { duration } from "./doctor/report.ts";

/** A new workers.dev name resolves everywhere within a minute, usually within seconds. */
const DEFAULT_WAIT_SECONDS = 60;
const INDENT = " ".repeat(6);

const USAGE = `npm run deploy -- [options]

  --dry-run               check and build, but upload nothing
  --url <url>             upload nothing; verify the product at this URL (npm start: http://localhost:8787)
  --skip-checks           skip the doctor's checks and npm run check
  --secrets-file <file>   upload these secrets too, for the first deployment: NAME=value lines or JSON
  --overwrite             overwrite changes made on Cloudflare's dashboard
  --wait <seconds>        how long to wait for the product to become healthy (default: ${DEFAULT_WAIT_SECONDS})
  --project <dir>         deploy another checkout
  --help                  print this help
`;

/** @returns null for --help. @throws TypeError if an option is invalid. */
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
    throw new TypeError(`--url must be an http or https URL, not "${values.url}"`);
  }
  const waitSeconds = Number(values.wait);
  if (!(waitSeconds >= 0 && waitSeconds <= 3_600)) {
    throw new TypeError(`--wait must be a number of seconds from 0 to 3600, not "${values.wait}"`);
  }
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

/** Runs one step and prints its title, its progress and its result. */
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

/** Prints a step's progress, indented. */
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

/** The options, null for --help, or undefined after a usage error, which it prints. */
function readCall(): DeployOptions | null | undefined {
  try {
    return readOptions();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    console.error(`${message}\nRun npm run deploy -- --help for the options.`);
    return undefined;
  }
}

const options = readCall();
if (options === undefined) process.exitCode = 2;
else if (options === null) console.log(USAGE);
else await deploy(options);
