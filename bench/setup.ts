/** Creates the benchmark's policy and users through the admin API of a Worker. */
import { writeFile } from "node:fs/promises";
import type { PolicyDocument } from "../src/policy/schema.ts";
import { ADMIN_TOKEN, CAPACITY } from "./rig-workers.ts";

/** About three times the throughput of one workerd. It must stay far away, since an object writes more often near its limit. */
const BUCKET = { name: "second", kind: "bucket", tokens: 20_000, per: "second", burst: 40_000 } as const;
const QUOTA = { name: "month", kind: "quota", amount: 1e9, per: "month" } as const;
/** Refills by one a day, so that it admits exactly its burst. */
const FINITE = { name: "day", kind: "bucket", tokens: 1, per: "day", burst: CAPACITY } as const;

/** Several times what a steady user sends. */
const STEADY = { ...BUCKET, tokens: 600, burst: 900 } as const;

/** Only the tiers `denied`, `shadowed` and `finite-…` reach their limits, `shadowed` one that denies nothing. `pro` is the default policy's tier. */
const POLICY: PolicyDocument = {
  schema: 1,
  anonymousTier: "anonymous",
  defaultTier: "strict",
  tiers: {
    anonymous: { limits: [BUCKET], mode: "strict" },
    strict: { limits: [BUCKET, QUOTA], mode: "strict" },
    auto: { limits: [BUCKET, QUOTA] },
    unlimited: { limits: [] },
    steady: { limits: [STEADY, QUOTA] },
    "steady-strict": { limits: [STEADY, QUOTA], mode: "strict" },
    denied: { limits: [{ ...FINITE, tokens: 1, burst: 1 }] },
    shadow: { limits: [BUCKET, QUOTA, { ...BUCKET, name: "trial", shadow: true }] },
    shadowed: { limits: [BUCKET, QUOTA, { ...FINITE, tokens: 1, burst: 1, shadow: true }] },
    "finite-strict": { limits: [FINITE], mode: "strict" },
    "finite-auto": { limits: [FINITE] },
    pro: {
      limits: [
        { ...BUCKET, name: "minute", tokens: 1_000, per: "minute", burst: 1_500 },
        { ...QUOTA, amount: 1_000_000 },
      ],
    },
  },
  routes: [{ match: "/*", cost: 1 }],
};

const CONCURRENCY = 64;
const ATTEMPTS = 5;
const RETRY_MS = 500;

/** @param more replaces parts of the benchmark's policy. */
export async function putPolicy(url: string, more: Partial<PolicyDocument> = {}): Promise<void> {
  const document = { ...POLICY, ...more };
  await admin(url, "PUT", "/policy", { document }, { "If-Match": "*" });
}

/** Creates a user of a tier. @returns their key. */
export async function newUser(url: string, id: string, tier: string): Promise<string> {
  await admin(url, "POST", "/accounts", { id, tier });
  const answer = await admin(url, "POST", `/accounts/${id}/keys`, {});
  if ("key" in answer) return String(answer.key);
  throw new Error(`the admin API returned no key for ${id}: ${JSON.stringify(answer)}`);
}

/** Creates `count` users and writes their keys to a file, one per line. */
export async function newUsers(url: string, count: number, tier: string, file: string): Promise<void> {
  const keys: string[] = [];
  for (let first = 0; first < count; first += CONCURRENCY) {
    const ids = Array.from(
      { length: Math.min(CONCURRENCY, count - first) },
      (_, i) => `${tier}-${first + i}`,
    );
    keys.push(...(await Promise.all(ids.map((id) => newUser(url, id, tier)))));
  }
  await writeFile(file, `${keys.join("\n")}\n`);
}

/** Calls the admin API. @returns its answer; {} if it has none. @throws with the answer's text if it is an error. */
export async function admin(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  more: Readonly<Record<string, string>> = {},
): Promise<object> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json", ...more };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`${url}/api/v1/admin${path}`, { method, headers, ...sent });
    const text = await response.text();
    // 409 on a retry: an earlier attempt succeeded, but its answer came too late.
    if (response.ok || (response.status === 409 && attempt > 1)) return objectIn(text);
    // A busy machine sometimes misses a deadline. These requests may be repeated.
    if (response.status !== 503 || attempt === ATTEMPTS) {
      throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    }
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

function objectIn(text: string): object {
  const answer: unknown = text === "" ? {} : JSON.parse(text);
  return typeof answer === "object" && answer !== null ? answer : {};
}
