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
const PAGE_DEADLINE_MS = 30_000;

async function rebuild(): Promise<void> {
  const options = {
    url: { type: "string", default: "http://localhost:8787" },
    reset: { type: "boolean" },
  } as const;
  const { values } = parseArgs({ options });
  const token = process.env["ADMIN_TOKEN"] ?? (await readDevVars(DEV_VARS))["ADMIN_TOKEN"] ?? "";
  let cursor: string | null = null;
  let rebuilt = 0;
  do {
    const page = new URL("/api/v1/admin/directory/rebuild", values.url);
    if (cursor !== null) page.searchParams.set("cursor", cursor);
    else if (values.reset) page.searchParams.set("reset", "true");
    const response = await fetch(page, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PAGE_DEADLINE_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    const answer: unknown = JSON.parse(text);
    if (!isFields(answer) || typeof answer["rebuilt"] !== "number")
      throw new Error(`not understood: ${text}`);
    rebuilt += answer["rebuilt"];
    cursor = typeof answer["cursor"] === "string" ? answer["cursor"] : null;
    console.log(`${rebuilt} accounts${cursor === null ? ": done" : " ..."}`);
  } while (cursor !== null);
}

try {
  await rebuild();
} catch (thrown) {
  console.error(`The list was not rebuilt: ${thrown instanceof Error ? thrown.message : thrown}`);
  console.error("Run it again: it goes through all accounts, and what was done stays done.");
  process.exitCode = 1;
}
