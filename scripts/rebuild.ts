/**
 * What the rebuilds have in common: they ask the product for one page after the other, until there is none. Options, the admin token, and
 * what to tell an operator if it does not work.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readDevVars } from "./dev-vars.ts";
import { isFields } from "./doctor/fields.ts";
import { isThisMachine } from "./doctor/target.ts";
import { DEFAULT_PORT, localUrl } from "./local-port.ts";

const DEV_VARS = join(import.meta.dirname, "..", ".dev.vars");
const PAGE_DEADLINE_MS = 30_000;

type Fields = Readonly<Record<string, unknown>>;

export interface Rebuild {
  /** Of the admin API. */
  readonly path: string;
  /** The npm script. */
  readonly script: string;
  /** What is rebuilt: "The list". */
  readonly what: string;
  /** What each page counts: "accounts". */
  readonly counted: string;
  /** Options of this rebuild, with their help, which the first page gets as parameters. */
  readonly flags: Readonly<Record<string, string>>;
  /** What to print of the last page besides the count. */
  readonly summary: (page: Fields) => readonly string[];
}

/** Runs a rebuild by the arguments of the command line, and prints what it did. */
export async function runRebuild(rebuild: Rebuild): Promise<void> {
  try {
    const options = readOptions(rebuild, process.argv.slice(2));
    if (options) await rebuildAll(rebuild, options);
    else console.log(usageOf(rebuild));
  } catch (thrown) {
    if (thrown instanceof TypeError) {
      console.error(`${thrown.message}\n\n${usageOf(rebuild)}`);
    } else {
      console.error(`${rebuild.what} was not rebuilt: ${thrown instanceof Error ? thrown.message : thrown}`);
      console.error("You can run this again at any time: completed pages stay rebuilt.");
    }
    process.exitCode = 1;
  }
}

interface Options {
  readonly url: URL;
  readonly flags: readonly string[];
}

async function rebuildAll({ path, counted, summary }: Rebuild, { url, flags }: Options): Promise<void> {
  const token = await adminTokenOf(url);
  let cursor: string | null = null;
  let rebuilt = 0;
  do {
    const page = new URL(`/api/v1/admin${path}`, url);
    if (cursor !== null) page.searchParams.set("cursor", cursor);
    else for (const flag of flags) page.searchParams.set(flag, "true");
    const answer = await ask(page, token);
    rebuilt += Number(answer["rebuilt"]);
    cursor = typeof answer["cursor"] === "string" ? answer["cursor"] : null;
    console.log(`${rebuilt} ${counted}${cursor === null ? ": done" : " ..."}`);
    if (cursor === null) for (const line of summary(answer)) console.log(line);
  } while (cursor !== null);
}

async function ask(page: URL, token: string): Promise<Fields> {
  const { origin, pathname } = page;
  const response = await fetch(page, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(PAGE_DEADLINE_MS),
  }).catch((thrown: unknown) => {
    throw new Error(`${origin} does not answer (${thrown}): check that it runs and that --url is right`);
  });
  const text = await response.text();
  if (response.status === 401) {
    throw new Error(`${origin} rejects the admin token: set ADMIN_TOKEN to the token of this product`);
  }
  if (!response.ok) throw new Error(`${pathname}: ${response.status} ${text}`);
  const answer: unknown = JSON.parse(text);
  if (!isFields(answer) || typeof answer["rebuilt"] !== "number") {
    throw new Error(`${pathname}: unexpected response ${text}`);
  }
  return answer;
}

/** Never sends the token of this machine's product to another machine. @throws if there is no token. */
export async function adminTokenOf(url: URL): Promise<string> {
  const given = process.env["ADMIN_TOKEN"];
  if (given) return given;
  if (!isThisMachine(url)) throw new Error(`set ADMIN_TOKEN to the token of ${url.origin}`);
  const { ADMIN_TOKEN: local } = await readDevVars(DEV_VARS);
  if (local) return local;
  throw new Error("set ADMIN_TOKEN, or run npm start first, which creates one in .dev.vars");
}

/** @returns null for --help. @throws TypeError if an option is invalid. */
function readOptions({ flags }: Rebuild, args: readonly string[]): Options | null {
  const own = Object.keys(flags);
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: "string" },
      help: { type: "boolean", default: false },
      ...Object.fromEntries(own.map((flag) => [flag, { type: "boolean" as const, default: false }])),
    },
  });
  if (values["help"] === true) return null;
  const given = values["url"];
  const url = typeof given === "string" ? URL.parse(given) : localUrl();
  if (url === null) throw new TypeError(`--url must be a URL, not "${given}"`);
  return { url, flags: own.filter((flag) => Reflect.get(values, flag) === true) };
}

function usageOf({ script, flags }: Rebuild): string {
  const own = Object.entries(flags).map(([flag, help]) => `  --${flag.padEnd(11)} ${help}\n`);
  return `npm run ${script} -- [options]

  --url <url>   the product (default: http://localhost:<PORT>, with PORT from the environment, else ${DEFAULT_PORT})
${own.join("")}  --help        print this help

The admin token is read from ADMIN_TOKEN. For a product on this machine, it may also be in .dev.vars.
`;
}
