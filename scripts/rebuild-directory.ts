/**
 * `npm run directory:rebuild`: rebuilds the list of accounts from the accounts themselves, page by page.
 *
 * Safe at any time: no decision reads the list.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readDevVars } from "./dev-vars.ts";
import { isFields } from "./doctor/fields.ts";

const DEV_VARS = join(import.meta.dirname, "..", ".dev.vars");
const LOCAL = "http://localhost:8787";
const PAGE_DEADLINE_MS = 30_000;

const USAGE = `npm run directory:rebuild -- [options]

  --url <url>   the product (default: ${LOCAL})
  --reset       delete the old list first
  --help        print this help

The admin token is read from ADMIN_TOKEN, else from .dev.vars.
`;

async function rebuild({ url, reset }: RebuildOptions): Promise<void> {
  const token = process.env["ADMIN_TOKEN"] ?? (await readDevVars(DEV_VARS))["ADMIN_TOKEN"] ?? "";
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

interface RebuildOptions {
  readonly url: URL;
  readonly reset: boolean;
}

/** @returns null for --help. @throws TypeError if an option is invalid. */
function readOptions(args: readonly string[]): RebuildOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: "string", default: LOCAL },
      reset: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const url = URL.parse(values.url);
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
