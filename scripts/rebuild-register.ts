/**
 * `npm run register:rebuild`: rebuilds the registers of invoices and credit notes from the accounts' own documents, page by page.
 *
 * Until it is done, no document gets a number: they wait in their accounts' objects. If it is interrupted, run it again.
 */
import { isFields } from "./doctor/fields.ts";
import { runRebuild } from "./rebuild.ts";

await runRebuild({
  path: "/billing/register/rebuild",
  script: "register:rebuild",
  what: "The register",
  counted: "documents",
  flags: {},
  summary: ({ series }) => (Array.isArray(series) ? series.filter(isFields).map(lineOf) : []),
});

/** What one series has now. */
function lineOf(found: Readonly<Record<string, unknown>>): string {
  const { series, documents, missing, conflicts, prefix } = found;
  const isBroken = missing !== 0 || conflicts !== 0;
  const why = `${missing} numbers are missing and ${conflicts} are taken twice, so the next ones begin with ${prefix}`;
  return `${series}: ${documents} documents; ${isBroken ? why : "no number is missing"}`;
}
