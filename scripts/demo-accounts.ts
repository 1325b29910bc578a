/**
 * Creates the demo's accounts, one per tier, each with a key, through the admin API.
 *
 * Never replaces an existing account or a working key, so a restart changes nothing.
 */
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

/** Tiers that need an account, with the scopes of their keys. A key of `partner` may check other users. */
const TIERS: Readonly<Record<string, readonly string[]>> = {
  free: ["call"],
  pro: ["call"],
  enterprise: ["call"],
  partner: ["call", "check"],
};

/** With RETRY_MS: a busy machine may take some seconds to answer its first requests. */
const MAX_ATTEMPTS = 20;
const RETRY_MS = 500;

export type DemoKeys = Record<string, string>;

export interface DemoAccount {
  readonly id: string;
  readonly tier: string;
  readonly name: string;
  readonly scopes: readonly string[];
}

/**
 * Creates the missing accounts and keys.
 * @param file keeps the keys.
 * @param tiers of the policy in force. Default: the demo's.
 * @returns a key per tier.
 */
export async function seedDemoAccounts(
  url: URL,
  adminToken: string,
  file: string,
  tiers: readonly string[] = Object.keys(TIERS),
): Promise<DemoKeys> {
  const accounts = tiers.map((tier): [string, DemoAccount] => [
    tier,
    { id: `demo-${tier}`, tier, name: `Demo, ${tier}`, scopes: TIERS[tier] ?? ["call", "check"] },
  ]);
  return seedAccounts(url, adminToken, file, new Map(accounts));
}

/**
 * Creates the missing accounts and keys.
 * @param file keeps the keys, since the API shows each only once.
 * @param accounts by the names under which their keys are kept.
 * @returns the keys, by the same names.
 */
export async function seedAccounts(
  url: URL,
  adminToken: string,
  file: string,
  accounts: ReadonlyMap<string, DemoAccount>,
): Promise<DemoKeys> {
  const known = await readKeys(file);
  const keys: DemoKeys = {};
  for (const [keyName, { id, tier, name, scopes }] of accounts) {
    await admin(url, adminToken, "/accounts", { id, tier, name }, [201, 409]);
    const key = known[keyName];
    keys[keyName] = key && (await works(url, key)) ? key : await issue(url, adminToken, id, scopes);
  }
  const isNew = Object.entries(keys).some(([tier, key]) => known[tier] !== key);
  if (isNew) await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  return keys;
}

async function issue(url: URL, adminToken: string, id: string, scopes: readonly string[]): Promise<string> {
  const body = { name: "npm start", mode: "test", scopes };
  const answer = await admin(url, adminToken, `/accounts/${id}/keys`, body, [201]);
  if (typeof answer === "object" && answer !== null && "key" in answer && typeof answer.key === "string") {
    return answer.key;
  }
  throw new Error(`the admin API returned no key for ${id}`);
}

/** Whether the product accepts the key. Only 401 means no; other statuses, such as 503 while it starts, are retried. */
async function works(url: URL, key: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(new URL("/api/v1/rate-limit/status", url), {
      headers: { "X-API-Key": key },
    });
    await response.body?.cancel();
    if (response.ok) return true;
    if (response.status === 401) return false;
    if (attempt === MAX_ATTEMPTS) {
      throw new Error(
        `cannot check a demo key: ${url.origin} returned ${response.status} ${MAX_ATTEMPTS} times` +
          "\nRead the log above, then check the variables and the policy: npm run doctor -- --no-target",
      );
    }
    await setTimeout(RETRY_MS);
  }
}

async function admin(
  url: URL,
  adminToken: string,
  path: string,
  body: object,
  expected: readonly number[],
): Promise<unknown> {
  const response = await fetch(new URL(`/api/v1/admin${path}`, url), {
    method: "POST",
    headers: { Authorization: `Bearer ${adminToken}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!expected.includes(response.status)) {
    throw new Error(`${path}: ${response.status} ${text}${adviceFor(response.status)}`);
  }
  return JSON.parse(text);
}

/** What to do about an unexpected status. */
function adviceFor(status: number): string {
  if (status === 401)
    return "\nThe product was started with another ADMIN_TOKEN than in .dev.vars: restart it";
  return status >= 500 ? "\nCheck the variables and the policy: npm run doctor -- --no-target" : "";
}

async function readKeys(file: string): Promise<DemoKeys> {
  const text = await readFile(file, "utf8").catch(() => "{}");
  try {
    const keys: unknown = JSON.parse(text);
    const entries = Object.entries(typeof keys === "object" && keys !== null ? keys : {});
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return {};
  }
}
