/**
 * `npm run demo:traffic`: lively traffic to a running `npm start`, so that its dashboard has something to show. Users of three
 * tiers, one who is over the limit all the time, bursts, and a policy that is tightened and put back. Ends by itself after
 * `--minutes` (5), or with Ctrl-C; the policy is as before then.
 *
 * PORT and DEMO_DIR as for `npm start`. Never for a deployed product: it makes accounts, and changes the policy.
 */
import { join, resolve } from "node:path";
import { type DemoAccount, seedAccounts } from "./demo-accounts.ts";
import { ABUSER, policyStepOf, requestsOf, USERS } from "./demo-traffic/plan.ts";
import { PolicyChange } from "./demo-traffic/policy-change.ts";
import { type Counts, Sender } from "./demo-traffic/sender.ts";
import { readDevVars } from "./dev-vars.ts";

const ROOT = join(import.meta.dirname, "..");
const DEFAULT_PORT = "8787";
const DEFAULT_MINUTES = 5;
const MOST_MINUTES = 60;
/** Seconds between lines where there is no terminal to write over. */
const LINE_EVERY_S = 10;

async function main(): Promise<void> {
  const seconds = Math.round(minutesOf(process.argv.slice(2)) * 60);
  const url = new URL(`http://localhost:${process.env["PORT"] || DEFAULT_PORT}`);
  const directory = resolve(ROOT, process.env["DEMO_DIR"] || ".demo");
  const { ADMIN_TOKEN: adminToken } = await readDevVars(join(ROOT, ".dev.vars"));
  if (!adminToken) throw new Error(".dev.vars has no ADMIN_TOKEN: run npm start first");
  await fetch(new URL("/health", url)).catch(() => {
    throw new Error(`nothing answers at ${url.origin}: run npm start in another terminal first`);
  });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

  const accounts = [...USERS, ABUSER].map(({ id, tier }): [string, DemoAccount] => [
    id,
    { id, tier, name: "Demo traffic", scopes: ["call"] },
  ]);
  const keys = await seedAccounts(url, adminToken, join(directory, "traffic-keys.json"), new Map(accounts));
  const sender = new Sender(url, keys);
  const policy = new PolicyChange(url, adminToken);
  console.log(`Sending to ${url.origin} as ${accounts.length} users for ${seconds} s (Ctrl-C stops it).`);
  console.log(`Watch it at ${url.origin}/dashboard`);
  try {
    for (let second = 0; second < seconds && !stop.signal.aborted; second++) {
      const step = policyStepOf(second, seconds);
      if (step === "halve") await policy.halve();
      if (step === "restore") await policy.restore();
      await sender.second(requestsOf(second, Math.random), stop.signal);
      progress(second + 1, seconds, sender.counts, policy.isInForce);
    }
  } finally {
    await policy.restore();
  }
  await sender.settled();
  console.log(`\nDone: ${wordsOf(sender.counts)}.`);
}

function progress(second: number, seconds: number, counts: Counts, isTight: boolean): void {
  const line = `${second}/${seconds} s: ${wordsOf(counts)}${isTight ? "; the free tier has half" : ""}`;
  if (process.stdout.isTTY) process.stdout.write(`\r\u001B[K${line}`);
  else if (second % LINE_EVERY_S === 0) console.log(line);
}

function wordsOf({ sent, allowed, denied, failed, skipped }: Counts): string {
  const more = [failed > 0 ? `${failed} failed` : "", skipped > 0 ? `${skipped} left out` : ""].filter(
    Boolean,
  );
  return [`${sent} sent`, `${allowed} allowed`, `${denied} denied`, ...more].join(", ");
}

/** @throws where the arguments are not understood. */
function minutesOf(args: readonly string[]): number {
  if (args.length === 0) return DEFAULT_MINUTES;
  const [name, text] = args;
  const minutes = Number(text);
  if (args.length === 2 && name === "--minutes" && minutes > 0 && minutes <= MOST_MINUTES) return minutes;
  throw new Error(`usage: npm run demo:traffic [-- --minutes N], N up to ${MOST_MINUTES}`);
}

try {
  await main();
} catch (thrown) {
  console.error(
    `\nnpm run demo:traffic failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
  );
  process.exitCode = 1;
}
