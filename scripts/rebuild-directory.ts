/**
 * `npm run directory:rebuild`: rebuilds the list of accounts from the accounts themselves, page by page.
 *
 * Safe at any time: no decision reads the list.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readDevVars } from "./dev-vars.ts";
import { isFields } from "./doctor/fields.ts";
import { isThisMachine } from "./doctor/target.ts";
import { DEFAULT_PORT, localUrl } from "./local-port.ts";

const DEV_VARS = join(import.meta.dirname, "..", ".dev.vars");
const PAGE_DEADLINE_MS = 30_000;

const USAGE = `npm run directory:rebuild -- [options]

  --url <url>   the product (default: http://localhost:<PORT>, with PORT from the environment, else ${DEFAULT_PORT})
  --reset       delete the old list first
  --help        print this help

The admin token is read from ADMIN_TOKEN. For a product on this machine, it may also be in .dev.vars.
`;

async function rebuild({ url, reset }: RebuildOptions): Promise<void> {
  const token = await adminTokenOf(url);
  let cursor: string | null = null;
  let rebuilt = 0;
  do {
    const page = new URL("/api/v1/admin/directory/rebuild", url);
    if (cursor !== null) page.searchParams.set("cursor", cursor);
    else if (reset) page.searchParams.set("reset", "true");
    const response = await fetch(page, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PAGE_DEADLINE_MS),
    }).catch((thrown: unknown) => {
      throw new Error(
        `${url.origin} does not answer (${thrown}): check that it runs and that --url is right`,
      );
    });
    const text = await response.text();
    if (response.status === 401) {
      throw new Error(`${url.origin} rejects the admin token: set ADMIN_TOKEN to the token of this product`);
    }
    if (!response.ok) throw new Error(`${page.pathname}: ${response.status} ${text}`);
    const answer: unknown = JSON.parse(text);
    if (!isFields(answer) || typeof answer["rebuilt"] !== "number")
      throw new Error(`${page.pathname}: unexpected response ${text}`);
    rebuilt += answer["rebuilt"];
    cursor = typeof answer["cursor"] === "string" ? answer["cursor"] : null;
    console.log(`${rebuilt} accounts${cursor === null ? ": done" : " ..."}`);
  } while (cursor !== null);
}

/** Never sends the token of this machine's product to another machine. @throws if there is no token. */
async function adminTokenOf(url: URL): Promise<string> {
  const given = process.env["ADMIN_TOKEN"];
  if (given) return given;
  if (!isThisMachine(url)) throw new Error(`set ADMIN_TOKEN to the token of ${url.origin}`);
  const { ADMIN_TOKEN: local } = await readDevVars(DEV_VARS);
  if (local) return local;
  throw new Error("set ADMIN_TOKEN, or run npm start first, which creates one in .dev.vars");
}

interface RebuildOptions {
  readonly url: URL;
  readonly reset: boolean;
}

/** @returns null for --help. @throws TypeError if an option is invalid. */
function readOptions(args: readonly string[]): RebuildOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: "string" },
      reset: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const url = values.url === undefined ? localUrl() : URL.parse(values.url);
  if (url === null) throw new TypeError(`--url must be a URL, not "${values.url}"`);
  return { url, reset: values.reset };
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await rebuild(options);
  else console.log(USAGE);
} catch (thrown) {
  if (thrown instanceof TypeError) {
    console.error(`${thrown.message}\n\n${USAGE}`);
  } else {
    console.error(`The list was not rebuilt: ${thrown instanceof Error ? thrown.message : thrown}`);
    console.error("You can run this again at any time: completed pages stay rebuilt.");
  }
  process.exitCode = 1;
}
