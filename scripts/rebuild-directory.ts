/**
 * `npm run directory:rebuild`: rebuilds the list of accounts from the accounts themselves, page by page.
 *
 * Safe at any time: no decision reads the list.
 */
import { runRebuild } from "./rebuild.ts";

await runRebuild({
  path: "/directory/rebuild",
  script: "directory:rebuild",
  what: "The list",
  counted: "accounts",
  flags: { reset: "delete the old list first" },
  summary: () => [],
});
