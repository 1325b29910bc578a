/**
 * Whether `JURISDICTION` is what it was when the deployment was first used. KV has that value, since KV is not in any jurisdiction: the
 * objects of another one cannot be asked. The first call writes it.
 */
import { withDeadline } from "../deadline.ts";
import { ACCOUNT_MARK_PREFIX } from "./account-directory.ts";
import type { Jurisdiction } from "./jurisdiction.ts";
import { CURRENT_KEY } from "../policy/policy-store.ts";

/** The key in KV. Its value is a jurisdiction, or `none`. */
export const JURISDICTION_KEY = "jurisdiction";
const NONE = "none";
/** A health check must not wait for KV. */
const DEADLINE_MS = 2_000;

/** `ok`, or what has changed. If KV fails, `ok`: another check reports that. */
export async function jurisdictionState(config: KVNamespace, now: Jurisdiction | null): Promise<string> {
  try {
    const first = await withDeadline(firstOf(config, now ?? NONE), DEADLINE_MS, "KV");
    return first === (now ?? NONE) ? "ok" : `is ${now ?? NONE}, was ${first}: its objects are not found`;
  } catch {
    return "ok";
  }
}

/** The first jurisdiction; remembers this one if there was none. What an older Worker has used, it has used without one. */
async function firstOf(config: KVNamespace, now: string): Promise<string> {
  const known = await config.get(JURISDICTION_KEY);
  if (known !== null) return known;
  const first = now === NONE || !(await isUsed(config)) ? now : NONE;
  await config.put(JURISDICTION_KEY, first);
  return first;
}

async function isUsed(config: KVNamespace): Promise<boolean> {
  if ((await config.get(CURRENT_KEY)) !== null) return true;
  return (await config.list({ prefix: ACCOUNT_MARK_PREFIX, limit: 1 })).keys.length > 0;
}
