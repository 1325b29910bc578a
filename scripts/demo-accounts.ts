/**
 * The demo's accounts: one per tier, each with a key, made through the admin API like anybody's.
 *
 * What is there already is kept, so that starting again changes nothing.
 */
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

/** Tiers that need an account, and what their keys may do. `partner` may ask about other users. */
const TIERS: Readonly<Record<string, readonly string[]>> = {
  free: ["call"],
  pro: ["call"],
  enterprise: ["call"],
  partner: ["call", "check"],
};

/** A machine under load may take some seconds to answer its first requests. */
const MOST_ATTEMPTS = 20;
const RETRY_MS = 500;

export type DemoKeys = Record<string, string>;

export interface DemoAccount {
  readonly id: string;
  readonly tier: string;
  /** For people. */
  readonly name: string;
  readonly scopes: readonly string[];
}

/** Makes what is missing and returns a key per tier. */
export async function seedDemoAccounts(url: URL, adminToken: string, file: string): Promise<DemoKeys> {
  const accounts = Object.entries(TIERS).map(([tier, scopes]): [string, DemoAccount] => [
    tier,
    { id: `demo-${tier}`, tier, name: `Demo, ${tier}`, scopes },
  ]);
  return seedAccounts(url, adminToken, file, new Map(accounts));
}

/**
 * Makes what is missing and returns a key for each account, by the names that they are given here. `file` keeps the keys,
 * since each is shown only once.
 */
export async function seedAccounts(
  url: URL,
  adminToken: string,
  file: string,
  accounts: ReadonlyMap<string, DemoAccount>,
): Promise<DemoKeys> {
  const known = await readKeys(file);
  const keys: DemoKeys = {};
  for (const [called, { id, tier, name, scopes }] of accounts) {
    await admin(url, adminToken, "/accounts", { id, tier, name }, [201, 409]);
    const key = known[called];
    keys[called] = key && (await works(url, key)) ? key : await issue(url, adminToken, id, scopes);
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
  throw new Error(`the admin API gave no key for ${id}`);
}

/** Whether the product takes the key. Only a plain "no" counts: a product that is still warming up may say 503. */
async function works(url: URL, key: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(new URL("/api/v1/rate-limit/status", url), {
      headers: { "X-API-Key": key },
    });
    await response.body?.cancel();
    if (response.ok) return true;
    if (response.status === 401) return false;
    if (attempt === MOST_ATTEMPTS) throw new Error(`a demo key cannot be checked: ${response.status}`);
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
    throw new Error(`${path}: ${response.status} ${text}${whatToDo(response.status)}`);
  }
  return JSON.parse(text);
}

/** After an answer that no demo should get. */
function whatToDo(status: number): string {
  if (status === 401)
    return "\nWhat runs there was started with another ADMIN_TOKEN than .dev.vars has: start it again";
  return status >= 500 ? "\nnpm run doctor -- --no-target says what is wrong with variables or policy" : "";
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
