/**
 * `npm run demo:traffic`: sends varied traffic to a running `npm start`, so that its dashboard has something to show: users
 * of three tiers, one user constantly over the limit, bursts, and a policy that is tightened and restored, if it is the one that
 * ships. Ends after `--minutes` (5) or on Ctrl-C, and restores the policy.
 *
 * PORT and DEMO_DIR are as for `npm start`. Never use it on a deployed product: it creates accounts and changes the policy.
 */
import { join, resolve } from "node:path";
import { seedTrafficAccounts } from "./demo-traffic/accounts.ts";
import { policyStepOf, requestsOf } from "./demo-traffic/plan.ts";
import { PolicyChange } from "./demo-traffic/policy-change.ts";
import { type Counts, Sender } from "./demo-traffic/sender.ts";
import { readDevVars } from "./dev-vars.ts";
import { localUrl } from "./local-port.ts";

const ROOT = join(import.meta.dirname, "..");
const DEFAULT_MINUTES = 5;
const MAX_MINUTES = 60;
/** Between progress lines if stdout is not a terminal. */
const PROGRESS_EVERY_S = 10;

const USAGE = `npm run demo:traffic -- [--minutes <n>]

  --minutes <n>   how long to send, more than 0 and at most ${MAX_MINUTES} (default: ${DEFAULT_MINUTES})
  --help          print this help

Sends demo traffic to a running npm start. PORT and DEMO_DIR are as for npm start. Halves the free tier's limits for a
third of the time, unless the policy in force is another than the one that ships.
`;

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    console.log(USAGE);
    return;
  }
  const seconds = Math.round(minutesOf(args) * 60);
  const url = localUrl();
  const directory = resolve(ROOT, process.env["DEMO_DIR"] || ".demo");
  await fetch(new URL("/health", url)).catch(() => {
    throw new Error(`${url.origin} does not answer: run npm start in another terminal first`);
  });
  const { ADMIN_TOKEN: adminToken } = await readDevVars(join(ROOT, ".dev.vars"));
  if (!adminToken) throw new Error(".dev.vars has no ADMIN_TOKEN: run npm start first");
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

  console.log("Creating the demo users ...");
  const keys = await seedTrafficAccounts(url, adminToken, directory);
  const sender = new Sender(url, keys);
  const policy = new PolicyChange(url, adminToken);
  const users = Object.keys(keys).length;
  console.log(`Sending requests of ${users} users to ${url.origin} for ${seconds} s (Ctrl-C stops it).`);
  console.log(`Watch the traffic at ${url.origin}/dashboard`);
  try {
    for (let second = 0; second < seconds && !stop.signal.aborted; second++) {
      const step = policyStepOf(second, seconds);
      if (step === "halve") {
        const reason = await policy.halve();
        if (reason !== null) console.log(`${newLine()}The policy stays as it is: ${reason}.`);
      }
      if (step === "restore") await policy.restore();
      await sender.second(requestsOf(second, Math.random), stop.signal);
      progress(second + 1, seconds, sender.counts, policy.isInForce);
    }
  } finally {
    await policy.restore();
  }
  await sender.finished();
  console.log(`\nDone: ${summaryOf(sender.counts)}.`);
}

function progress(second: number, seconds: number, counts: Counts, isTight: boolean): void {
  const line = `${second}/${seconds} s: ${summaryOf(counts)}${isTight ? "; the free tier's limits are halved" : ""}`;
  if (process.stdout.isTTY) process.stdout.write(`\r\u001B[K${line}`);
  else if (second % PROGRESS_EVERY_S === 0) console.log(line);
}

/** Ends the progress line of a terminal. */
function newLine(): string {
  return process.stdout.isTTY ? "\n" : "";
}

function summaryOf({ sent, allowed, denied, failed, skipped }: Counts): string {
  const more = [failed > 0 ? `${failed} failed` : "", skipped > 0 ? `${skipped} skipped` : ""].filter(
    Boolean,
  );
  return [`${sent} sent`, `${allowed} allowed`, `${denied} denied`, ...more].join(", ");
}

/** @throws if the arguments are invalid. */
function minutesOf(args: readonly string[]): number {
  if (args.length === 0) return DEFAULT_MINUTES;
  const [name, text] = args;
  const minutes = Number(text);
  if (args.length === 2 && name === "--minutes" && minutes > 0 && minutes <= MAX_MINUTES) return minutes;
  throw new Error(`invalid options "${args.join(" ")}"\n\n${USAGE}`);
}

try {
  await main();
} catch (thrown) {
  console.error(
    `\nnpm run demo:traffic failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
  );
  process.exitCode = 1;
}
