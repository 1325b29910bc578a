/**
 * `npm start`: runs the whole product on this machine, with demo accounts. Ctrl-C stops it; never leaves a process behind.
 *
 * `--upstream` and `--policy` put it in front of somebody's own API (own-api.ts), with state and keys of its own in `.demo/own`. PORT is the
 * port (8787; 0 for any free one), DEMO_DIR the directory of state and keys (.demo), LOG_LEVEL the log level (warn). SHIELDS=off leaves the
 * shields out (docs/rules.md). DEMO_HISTORY=off starts without a billed account and its three closed months. REUSE_BUILD=1 builds only if
 * the sources are newer than the last build. CLOCK_OFFSET_MS sets the product's clock ahead, so that a
 * billing period ends. STOP_AFTER is for tests: the product stands still after that step of a close (closing-steps.ts).
 */
import { access, rename, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { BILLED_ACCOUNT, makeDemoHistory } from "./demo-history.ts";
import { readStop } from "./closing-steps.ts";
import { type DemoKeys, seedDemoAccounts } from "./demo-accounts.ts";
import { createDevVars, readDevVars } from "./dev-vars.ts";
import { DEFAULT_PORT, readPort } from "./local-port.ts";
import {
  applyPolicy,
  isListening,
  isOwnAddress,
  OPTIONS_HELP,
  type OwnApi,
  type PolicyInForce,
  readOwnApi,
} from "./own-api.ts";
import type { LocalProduct } from "./local-product.ts";
import { withoutJurisdiction } from "./local-jurisdiction.ts";
import { readClockOffset } from "./shifted-clock.ts";

const ROOT = join(import.meta.dirname, "..");
const USAGE = `npm start -- [options]

${OPTIONS_HELP}

Other settings are environment variables:
  PORT=8788 DEMO_DIR=.demo2 LOG_LEVEL=debug SHIELDS=off DEMO_HISTORY=off REUSE_BUILD=1 CLOCK_OFFSET_MS=86400000 npm start`;

/** How often to check that npm still runs. */
const PARENT_CHECK_MS = 500;

const INVOICES = `/api/v1/admin/accounts/${BILLED_ACCOUNT}/invoices`;

let product: LocalProduct | null = null;
let stopping = false;

/** Makes the state of a new demo, with closed months. Renamed when it is complete: a start that was stopped meanwhile is repeated. */
async function closeDemoMonths(
  directory: string,
  state: string,
  adminToken: string,
  nowMs: number,
  start: (unfinished: string) => Promise<LocalProduct>,
): Promise<void> {
  const unfinished = join(directory, "history");
  await rm(unfinished, { recursive: true, force: true });
  const past = await start(unfinished);
  try {
    await makeDemoHistory({ url: past.url, adminToken, nowMs });
  } finally {
    await past.close();
  }
  await rename(unfinished, state);
}

async function main(): Promise<void> {
  const own = await ownApi();
  if (own === null) {
    console.log(USAGE);
    return;
  }
  const isOwn = own.upstream !== null || own.policy !== null;
  const port = readPort();
  if (own.upstream !== null && isOwnAddress(own.upstream, port)) {
    throw new Error(
      `the upstream ${own.upstream} is the address of Edge Limiter itself: choose another port for it: PORT=8788 npm start`,
    );
  }
  const directory = resolve(ROOT, process.env["DEMO_DIR"] || ".demo");
  // The policy and the accounts of the demo are not those of somebody's own API.
  const stateDirectory = isOwn ? join(directory, "own") : directory;
  stopWithOthers();
  const devVars = join(ROOT, ".dev.vars");
  await createDevVars(devVars);
  const { variables, note } = await withoutJurisdiction(
    await readDevVars(devVars),
    join(ROOT, "wrangler.toml"),
  );
  const adminToken = variables["ADMIN_TOKEN"];
  if (!adminToken)
    throw new Error(".dev.vars has no ADMIN_TOKEN: add one, or delete the file so that npm start creates it");
  const logLevel = process.env["LOG_LEVEL"];
  const stopAfter = readStop(process.env["STOP_AFTER"]);
  const clockOffsetMs = readClockOffset(process.env["CLOCK_OFFSET_MS"]);

  if (note !== null) console.log(`Note: ${note}`);
  if (clockOffsetMs !== 0) {
    const ahead = new Date(Date.now() + clockOffsetMs).toISOString();
    console.log(`Note: the product's clock is ahead, at ${ahead} (CLOCK_OFFSET_MS)`);
  }
  console.log("Building the gateway and the demo origin ...");
  // Imported late: Miniflare takes a while to load, and the errors above need not wait for it.
  const { startLocalProduct } = await import("./local-product.ts");
  const reuseBundles = process.env["REUSE_BUILD"] === "1";
  const state = join(stateDirectory, "state");
  const isNew = !isOwn && process.env["DEMO_HISTORY"] !== "off" && !(await exists(state));
  if (isNew) {
    const nowMs = Date.now() + clockOffsetMs;
    await closeDemoMonths(directory, state, adminToken, nowMs, (unfinished) =>
      startLocalProduct({
        port: 0,
        directory,
        state: unfinished,
        variables: { ADMIN_TOKEN: adminToken },
        reuseBundles,
        clock: "follows-requests",
      }),
    );
  }
  product = await startLocalProduct({
    port,
    directory,
    state,
    variables: {
      ...variables,
      ...(logLevel ? { LOG_LEVEL: logLevel } : {}),
      ...(own.upstream === null ? {} : { UPSTREAM: own.upstream }),
    },
    reuseBundles,
    isBuilt: isNew,
    clock: clockOffsetMs,
    shields: process.env["SHIELDS"] !== "off",
    stopAfter,
  });

  const keysFile = join(stateDirectory, "keys.json");
  const policy = isOwn ? await applyPolicy(product.url, adminToken, own) : null;
  const keys = await seedDemoAccounts(product.url, adminToken, keysFile, policy?.tiers);
  const url = `http://localhost:${product.url.port}`;
  const [tier = ""] = policy?.tiers ?? [];
  const customer = policy === null ? BILLED_ACCOUNT : `demo-${tier}`;
  const portal = await portalNote(product.url, adminToken, url, customer, shown(devVars));
  if (policy !== null) await printOwn(url, own, policy, keys, portal, shown(keysFile), shown(devVars));
  else {
    const withInvoices = await hasInvoices(product.url, adminToken);
    printDemo(url, withInvoices, keys, portal, shown(keysFile), shown(devVars));
  }
}

/** Whether the demo's billed account has invoices. It has none if the state was created without a history. */
async function hasInvoices(listening: URL, adminToken: string): Promise<boolean> {
  const headers = { Authorization: `Bearer ${adminToken}` };
  const answer = await fetch(new URL(INVOICES, listening), { headers });
  const { invoices }: { invoices?: readonly unknown[] } = Object(await answer.json());
  return (invoices ?? []).length > 0;
}

/**
 * Where customers sign in, if the policy in force has a portal. Asks the admin API: the log of decisions has only what users send.
 * @param account whose link it makes.
 */
async function portalNote(
  listening: URL,
  adminToken: string,
  url: string,
  account: string,
  devVars: string,
): Promise<string> {
  const headers = { Authorization: `Bearer ${adminToken}` };
  const answer: unknown = await (await fetch(new URL("/api/v1/admin/policy", listening), { headers })).json();
  const { billing } = Object(Reflect.get(Object(answer), "document"));
  if (Object(billing).portal === undefined) return "";
  return `  Open the customers' portal (a test key only reads; the url of the link may change keys, budget and plan)
    ${url}/portal
    curl -H "Authorization: Bearer $(sed -n 's/^ADMIN_TOKEN=//p' '${devVars}')" -d '{}' ${url}/api/v1/admin/accounts/${account}/portal-sessions

`;
}

function printDemo(
  url: string,
  withInvoices: boolean,
  keys: DemoKeys,
  portal: string,
  keysFile: string,
  devVars: string,
): void {
  const { port } = new URL(url);
  const invoices = withInvoices
    ? `  See the invoices of closed months; each is also a page and a PDF, with .html or .pdf after its id
    curl -H "Authorization: Bearer $(sed -n 's/^ADMIN_TOKEN=//p' '${devVars}')" ${url}${INVOICES}

`
    : "";
  console.log(`
Edge Limiter is running at ${url} (Ctrl-C stops it)

  Send a request
    curl -i -H 'X-API-Key: ${keys["free"]}' ${url}/identify

  Use up the free tier's burst: 150 requests are allowed, the rest get 429
    seq 160 | xargs -P 8 -I{} curl -s -o /dev/null -w '%{http_code}\\n' -H 'X-API-Key: ${keys["free"]}' ${url}/identify | sort | uniq -c

  See your limits and usage
    curl -H 'X-API-Key: ${keys["free"]}' ${url}/api/v1/rate-limit/status

  Open the dashboard (sign in with the admin token), and send traffic for it to show
    ${url}/dashboard
    ${port === String(DEFAULT_PORT) ? "" : `PORT=${port} `}npm run demo:traffic

${portal}${invoices}  Keys of all demo accounts   ${keysFile}  (${Object.keys(keys).join(", ")})
  Admin token                 ADMIN_TOKEN in ${devVars}
`);
}

/** @throws Error that says which options there are. */
async function ownApi(): Promise<OwnApi | null> {
  try {
    return await readOwnApi(process.argv.slice(2));
  } catch (thrown) {
    const isOption = thrown instanceof TypeError && "code" in thrown;
    throw isOption ? new Error(`${thrown.message}\n\n${USAGE}`) : thrown;
  }
}

async function printOwn(
  url: string,
  { upstream, policy: given }: OwnApi,
  policy: PolicyInForce,
  keys: DemoKeys,
  portal: string,
  keysFile: string,
  devVars: string,
): Promise<void> {
  const [tier = "", key = ""] = Object.entries(keys)[0] ?? [];
  const source = given === null ? "" : `, from ${given.file}`;
  const isThere = upstream === null || (await isListening(upstream));
  const notes = [
    ...policy.warnings.map((warning) => `policy: ${warning}`),
    ...(isThere ? [] : [`${upstream} does not answer yet: until it does, requests get 502`]),
  ];
  console.log(`
Edge Limiter is running at ${url}${upstream === null ? "" : `, in front of ${upstream}`} (Ctrl-C stops it)
The policy is at revision ${policy.revision}${source}
${notes.map((note) => `Note: ${note}\n`).join("")}
  Send a request of the tier ${tier} to a path of your API
    curl -i -H 'X-API-Key: ${key}' ${url}/

  Open the dashboard (sign in with the admin token)
    ${url}/dashboard

${portal}  Keys of an account for each tier   ${keysFile}  (${Object.keys(keys).join(", ")})
  Admin token                        ADMIN_TOKEN in ${devVars}
`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Stops on a signal, and when npm has exited: the shell between npm and this process does not forward signals. */
function stopWithOthers(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, PARENT_CHECK_MS).unref();
}

/** Closes the product and exits. Exits at once if it is still starting: workerd ends with the process. */
function stop(): void {
  if (stopping) return;
  stopping = true;
  if (!product) process.exit(0);
  product.close().then(
    () => process.exit(0),
    (thrown: unknown) => {
      console.error(thrown);
      process.exit(1);
    },
  );
}

/** The path relative to the working directory, if it is below it. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

try {
  await main();
} catch (thrown) {
  console.error(`\nnpm start failed: ${thrown instanceof Error ? thrown.message : thrown}`);
  process.exit(1);
}
