/**
 * `npm start`: the whole product on this machine, with demo accounts. Ctrl-C stops it and leaves no process.
 *
 * PORT chooses the port (8787; 0: any free one), DEMO_DIR where state and keys are kept (.demo), LOG_LEVEL how much is logged
 * (warn). REUSE_BUILD=1 builds only where the sources are newer than the last build.
 */
import { join, relative, resolve } from "node:path";
import { seedDemoAccounts } from "./demo-accounts.ts";
import { readDevVars } from "./dev-vars.ts";
import type { LocalProduct } from "./local-product.ts";

const ROOT = join(import.meta.dirname, "..");
const DEFAULT_PORT = 8787;
/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500;

let product: LocalProduct | null = null;
let stopping = false;

async function main(): Promise<void> {
  const port = readPort(process.env["PORT"]);
  const directory = resolve(ROOT, process.env["DEMO_DIR"] || ".demo");
  stopWithOthers();
  const devVars = join(ROOT, ".dev.vars");
  const variables = await readDevVars(devVars);
  const adminToken = variables["ADMIN_TOKEN"];
  if (!adminToken)
    throw new Error(".dev.vars has no ADMIN_TOKEN: add one, or delete the file to have one made");
  const logLevel = process.env["LOG_LEVEL"];

  console.log("Building the gateway and the demo origin ...");
  // Loads Miniflare, which takes a while: what is wrong above is said at once.
  const { startLocalProduct } = await import("./local-product.ts");
  product = await startLocalProduct({
    port,
    directory,
    variables: { ...variables, ...(logLevel ? { LOG_LEVEL: logLevel } : {}) },
    reuseBundles: process.env["REUSE_BUILD"] === "1",
  });

  const keysFile = join(directory, "keys.json");
  const keys = await seedDemoAccounts(product.url, adminToken, keysFile);
  const url = `http://localhost:${product.url.port}`;
  console.log(`
Edge Limiter is running at ${url} (Ctrl-C stops it)

  One request
    curl -i -H 'X-API-Key: ${keys["free"]}' ${url}/identify

  The free tier's burst: 150 pass, the rest is 429
    seq 160 | xargs -P 8 -I{} curl -s -o /dev/null -w '%{http_code}\\n' -H 'X-API-Key: ${keys["free"]}' ${url}/identify | sort | uniq -c

  Your own limits and usage
    curl -H 'X-API-Key: ${keys["free"]}' ${url}/api/v1/rate-limit/status

  The dashboard, and traffic for it to show (sign in with the admin token)
    ${url}/dashboard
    ${product.url.port === String(DEFAULT_PORT) ? "" : `PORT=${product.url.port} `}npm run demo:traffic

  Keys of all demo accounts   ${shown(keysFile)}  (${Object.keys(keys).join(", ")})
  Admin token                 ADMIN_TOKEN in ${shown(devVars)}
`);
}

/** Stops on a signal, and when npm is gone: the shell between npm and us does not pass signals on. */
function stopWithOthers(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, PARENT_CHECK_MS).unref();
}

/** Closes what runs and exits. Where nothing serves yet it exits at once: workerd ends with the process. */
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

/** A path as one would type it from here. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

function readPort(text: string | undefined): number {
  const port = text === undefined || text === "" ? DEFAULT_PORT : Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT must be a number from 0 to 65535, not "${text}"`);
}

try {
  await main();
} catch (thrown) {
  console.error(`\nnpm start failed: ${thrown instanceof Error ? thrown.message : thrown}`);
  process.exit(1);
}
