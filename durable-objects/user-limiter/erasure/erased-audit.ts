/**
 * The audit trail without personal data: who did what when, and the numbers, but no name and no text that somebody wrote.
 *
 * Keeps what is listed here and drops all else, so that a field that a later version adds is never kept by mistake.
 */
import * as z from "zod/mini";
import { parseJson } from "../../../src/json.ts";

/** Texts from a fixed set of words, numbers as text, ids, times, and what the policy names. */
const KEPT = new Set(
  `tier pendingTier status limits limit budget keyId scopes expiresAt revokedAt grantId until
   id number sha256 kind currency amount left subtotal total due`.split(/\s+/),
);

const fieldsSchema = z.record(z.string(), z.unknown());
const row = z.object({
  seq: z.int(),
  reason: z.string(),
  before: z.nullable(z.string()),
  after: z.nullable(z.string()),
});

/** Call in the transaction of the erasure. Writes only the entries that have something to erase. */
export function eraseAudit(sql: SqlStorage): void {
  for (const found of sql.exec("SELECT seq, reason, before, after FROM audit").toArray()) {
    const { seq, reason, before, after } = row.parse(found);
    const [from, to] = [erased(before), erased(after)];
    if (reason === "" && from === before && to === after) continue;
    sql.exec("UPDATE audit SET reason = '', before = ?, after = ? WHERE seq = ?", from, to, seq);
  }
}

/** JSON of what changed, with the fields that are kept. */
function erased(json: string | null): string | null {
  const fields = fieldsSchema.safeParse(json === null ? null : parseJson(json));
  if (!fields.success) return null;
  return JSON.stringify(Object.fromEntries(Object.entries(fields.data).filter(isKept)));
}

function isKept([name, value]: readonly [string, unknown]): boolean {
  return KEPT.has(name) || value === null || typeof value === "number" || typeof value === "boolean";
}
