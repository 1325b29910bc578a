/**
 * `npm run deploy`: checks, builds, uploads, verifies the running product, and prints how to roll back.
 *
 * Never prompts and never prints a secret. Exit code 1 if a step fails, 2 for a usage error.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gradualSteps, readShares } from "./deploy/gradual.ts";
import { rollBackShares } from "./deploy/roll-back-shares.ts";
import { rollbackLines } from "./deploy/rollback.ts";
import { type Deployment, type DeployOptions, failed, type Step, type StepResult } from "./deploy/step.ts";
import { PREPARATION, STEPS } from "./deploy/steps.ts";
import { duration } from "./doctor/report.ts";

/** A new workers.dev name resolves everywhere within a minute, usually within seconds. */
const DEFAULT_WAIT_SECONDS = 60;
/** How long a share is watched, if there is a token for metrics. */
const DEFAULT_SOAK_SECONDS = 60;
const MAX_SECONDS = 3_600;
const INDENT = " ".repeat(6);

const INTERRUPTED = failed("interrupted by a signal", "run npm run deploy again");

const USAGE = `npm run deploy -- [options]

  --dry-run               check and build, but upload nothing
  --url <url>             upload nothing; verify the product at this URL (npm start: http://localhost:8787)
  --skip-checks           skip the doctor's checks and npm run check
  --secrets-file <file>   upload these secrets too, for the first deployment: NAME=value lines or JSON
  --overwrite             overwrite changes made on Cloudflare's dashboard
  --wait <seconds>        how long to wait for the product to become healthy (default: ${DEFAULT_WAIT_SECONDS})
  --gradual <shares>      give the new version these percentages of the requests, one after the other, such as 10,50,100;
                          verify it at each, and go back to the version before if a step fails
  --target <url>          the product's URL, for --gradual if wrangler.toml has no route
  --soak <seconds>        how long --gradual watches the traffic at each share (default: ${DEFAULT_SOAK_SECONDS});
                          needs EDGE_LIMITER_TOKEN, an admin token of the role viewer
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
      gradual: { type: "string" },
      target: { type: "string" },
      soak: { type: "string" },
      project: { type: "string", default: join(import.meta.dirname, "..") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const secretsFile = values["secrets-file"];
  // Without it, the deployment is in full and at once, which is not what either of them asks for.
  for (const name of ["target", "soak"] as const) {
    if (values.gradual === undefined && values[name] !== undefined) {
      throw new TypeError(
        `--${name} needs --gradual; without it, all requests go to the new version at once`,
      );
    }
  }
  return {
    root: resolve(values.project),
    isDryRun: values["dry-run"],
    url: readUrl("--url", values.url),
    skipChecks: values["skip-checks"],
    secretsFile: secretsFile === undefined ? null : resolve(secretsFile),
    overwrite: values.overwrite,
    waitMs: readSeconds("--wait", values.wait) * 1_000,
    gradual: values.gradual === undefined ? null : readShares(values.gradual),
    target: readUrl("--target", values.target),
    soakMs: readSeconds("--soak", values.soak ?? String(DEFAULT_SOAK_SECONDS)) * 1_000,
  };
}

function readUrl(name: string, value: string | undefined): URL | null {
  if (value === undefined) return null;
  const url = URL.parse(value);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new TypeError(`${name} must be an http or https URL, not "${value}"`);
}

function readSeconds(name: string, value: string): number {
  const seconds = Number(value);
  if (seconds >= 0 && seconds <= MAX_SECONDS) return seconds;
  throw new TypeError(`${name} must be a number of seconds from 0 to ${MAX_SECONDS}, not "${value}"`);
}

async function deploy(options: DeployOptions): Promise<void> {
  const interrupted = interruptedBy("SIGINT", "SIGTERM", "SIGHUP");
  const deployment: Deployment = {
    options,
    url: options.url,
    versionId: null,
    previousVersionId: null,
    headers: {},
    shares: [],
    interrupted,
  };
  const startedAtMs = performance.now();
  const steps = options.gradual === null ? STEPS : [...PREPARATION, ...gradualSteps(options.gradual)];
  for (const [i, step] of steps.entries()) {
    const result = await runStep(`[${i + 1}/${steps.length}]`, step, deployment);
    if (result.kind !== "failed") continue;
    console.log(`\nStopped at "${step.title}": ${result.reason}\n  Next: ${result.next}`);
    if (deployment.shares.length > 0) console.log(`\n${await rollBackShares(deployment, say)}`);
    else if (deployment.versionId) console.log(`  The new version is live.\n\n${rollbackLines(deployment)}`);
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
  const result = await outcomeOf(step, deployment);
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

/** The result of a step; of a gradual deployment, a signal ends it, and what it throws is a failure, so that it can be undone. */
async function outcomeOf(step: Step, deployment: Deployment): Promise<StepResult> {
  if (deployment.options.gradual === null) return step.run(deployment, say);
  const { interrupted } = deployment;
  if (interrupted.aborted) return INTERRUPTED;
  const signalled = new Promise<StepResult>((end) => {
    interrupted.addEventListener("abort", () => end(INTERRUPTED), { once: true });
  });
  try {
    if (!step.isWhole) return await Promise.race([step.run(deployment, say), signalled]);
    const result = await step.run(deployment, say);
    return interrupted.aborted ? INTERRUPTED : result;
  } catch (thrown) {
    return failed(thrown instanceof Error ? thrown.message : String(thrown), "run npm run deploy again");
  }
}

/** Aborted by the first of these signals. If no shares are being shifted, the signal ends the process as usual. */
function interruptedBy(...signals: readonly NodeJS.Signals[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (options?.gradual) process.on(signal, () => controller.abort());
  }
  return controller.signal;
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
