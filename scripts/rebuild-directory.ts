/**
 * `npm run directory:rebuild`: makes the list of accounts anew from the accounts themselves, page by page.
 *
 * `-- --url https://…` names the product (http://localhost:8787), ADMIN_TOKEN in the environment the token (else that of
 * .dev.vars), `--reset` forgets the old list first. Safe at any time: nothing decides by the list.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readDevVars } from "./dev-vars.ts";
import { isFields } from "./doctor/fields.ts";

const DEV_VARS = join(import.meta.dirname, "..", ".dev.vars");
const LOCAL = "http://localhost:8787";
const PAGE_DEADLINE_MS = 30_000;

const USAGE = "npm run directory:rebuild -- [--url https://…] [--reset]";

async function rebuild(args: readonly string[]): Promise<void> {
  const { url, reset } = optionsOf(args);
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
      throw new Error(`${url.origin} does not answer (${thrown}): is it running, and is --url right?`);
    });
    const text = await response.text();
    if (response.status === 401) {
      throw new Error(`${url.origin} takes another token: ADMIN_TOKEN=… ${USAGE}`);
    }
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    const answer: unknown = JSON.parse(text);
    if (!isFields(answer) || typeof answer["rebuilt"] !== "number")
      throw new Error(`not understood: ${text}`);
    rebuilt += answer["rebuilt"];
    cursor = typeof answer["cursor"] === "string" ? answer["cursor"] : null;
    console.log(`${rebuilt} accounts${cursor === null ? ": done" : " ..."}`);
  } while (cursor !== null);
}

/** @throws where the arguments are not understood. */
function optionsOf(args: readonly string[]): { readonly url: URL; readonly reset: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { url: { type: "string", default: LOCAL }, reset: { type: "boolean", default: false } },
    });
    return { url: new URL(values.url), reset: values.reset };
  } catch (thrown) {
    throw new Error(`usage: ${USAGE}`, { cause: thrown });
  }
}

try {
  await rebuild(process.argv.slice(2));
} catch (thrown) {
  console.error(`The list was not rebuilt: ${thrown instanceof Error ? thrown.message : thrown}`);
  console.error("It can be run again at any time: what was done stays done.");
  process.exitCode = 1;
}
