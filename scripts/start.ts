/**
 * `npm start`: the whole product on this machine, with demo accounts. Ctrl-C stops it and leaves no process.
 *
 * PORT chooses the port (8787), DEMO_DIR where state and keys are kept (.demo), LOG_LEVEL how much is logged (warn).
 */
import { mkdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { seedDemoAccounts } from "./demo-accounts.ts";
import { readDevVars } from "./dev-vars.ts";
import { startLocalProduct } from "./local-product.ts";

const ROOT = join(import.meta.dirname, "..");
const DEFAULT_PORT = 8787;

async function main(): Promise<void> {
  const port = readPort(process.env["PORT"]);
  const directory = resolve(ROOT, process.env["DEMO_DIR"] ?? ".demo");
  await mkdir(directory, { recursive: true });
  const devVars = join(ROOT, ".dev.vars");
  const variables = await readDevVars(devVars);
  const adminToken = variables["ADMIN_TOKEN"];
  if (!adminToken)
    throw new Error(".dev.vars has no ADMIN_TOKEN: add one, or delete the file to have one made");
  const logLevel = process.env["LOG_LEVEL"];

  console.log("Building the gateway and the demo origin ...");
  const product = await startLocalProduct({
    port,
    directory,
    variables: { ...variables, ...(logLevel ? { LOG_LEVEL: logLevel } : {}) },
  });
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await product.close();
    process.exit(0);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);

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

  Keys of all demo accounts   ${relative(process.cwd(), keysFile)}  (${Object.keys(keys).join(", ")})
  Admin token                 ADMIN_TOKEN in ${relative(process.cwd(), devVars)}
`);
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
