/**
 * Sets up a scenario through the admin API and cleans up after it: new accounts with full buckets, and extra tiers if the
 * scenario needs any. Never touches an account that it has not created.
 */
import http from "k6/http";
import { costOf } from "./model/limits-of.ts";
import { ADMIN_TOKEN, BASE_URL, LEAVE_ACCOUNTS, MAY_CHANGE_POLICY, PATH } from "./environment.ts";

/** Concurrent calls to the admin API. */
const CONCURRENCY = 16;
const ADMIN = `${BASE_URL}/api/v1/admin`;
const EXPECTED = http.expectedStatuses(200, 201, 204);

export interface LoadUser {
  readonly id: string;
  readonly tier: string;
  readonly key: string;
}

/** Passed by k6 from `setup` to each virtual user, as JSON. */
export interface Stage {
  /** Unique id of this run. */
  readonly run: string;
  readonly policy: unknown;
  /** Cost of a GET of {@link PATH}. */
  readonly cost: number;
  /** In the order of {@link Needs.users}. */
  readonly users: readonly LoadUser[];
  /** Has the scope to check other users. */
  readonly serviceKey: string;
  /** The policy before this run changed it; null if the run has not changed it. */
  readonly previousPolicy: unknown;
}

export interface Needs {
  /** The tier of each account to create. */
  readonly users: readonly string[];
  /** Tiers to add to the policy. */
  readonly tiers?: Readonly<Record<string, unknown>>;
}

/** Creates everything that the scenario needs. @throws at the first failure, which ends the run. */
export function prepare({ users, tiers = {} }: Needs): Stage {
  const run = `load-${Date.now().toString(36)}`;
  const previous = member(call("GET", "/policy"), "document");
  const policy = withTiers(previous, tiers);
  if (policy !== previous) putPolicy(policy);
  const service = `${run}-service`;
  const accounts = [
    { id: service, tier: member(policy, "defaultTier") },
    ...users.map((tier, i) => ({ id: `${run}-${i}`, tier })),
  ];
  callAll(accounts.map((account) => ["POST", "/accounts", { ...account, reason: "load test" }]));
  const keys = callAll(
    accounts.map(({ id }) => {
      const scopes = id === service ? ["call", "check"] : ["call"];
      return ["POST", `/accounts/${id}/keys`, { name: "load test", mode: "test", scopes }];
    }),
  ).map((answer) => String(member(answer, "key")));
  return {
    run,
    policy,
    cost: costOf(policy, PATH),
    users: users.map((tier, i) => ({ id: `${run}-${i}`, tier, key: keys[i + 1] ?? "" })),
    serviceKey: keys[0] ?? "",
    previousPolicy: policy === previous ? null : previous,
  };
}

/** Removes what {@link prepare} created and restores the policy. */
export function clear(stage: Stage): void {
  if (stage.previousPolicy !== null) putPolicy(stage.previousPolicy);
  if (LEAVE_ACCOUNTS) return;
  const ids = [`${stage.run}-service`, ...stage.users.map(({ id }) => id)];
  callAll(ids.map((id) => ["DELETE", `/accounts/${id}`, null]));
}

/** The request that puts a policy into force, regardless of the current revision. */
export function policyPut(document: unknown): { url: string; body: string; headers: Record<string, string> } {
  const headers = {
    Authorization: `Bearer ${ADMIN_TOKEN}`,
    "Content-Type": "application/json",
    "If-Match": "*",
  };
  return {
    url: `${ADMIN}/policy`,
    body: JSON.stringify({ document, reason: "load test", force: true }),
    headers,
  };
}

function putPolicy(document: unknown): void {
  const { url, body, headers } = policyPut(document);
  read("PUT", "/policy", http.put(url, body, { headers, responseCallback: EXPECTED }));
}

function withTiers(policy: unknown, tiers: Readonly<Record<string, unknown>>): unknown {
  const present = member(policy, "tiers");
  if (typeof policy !== "object" || typeof present !== "object")
    throw new Error("the policy is not an object");
  const same = Object.entries(tiers).every(
    ([name, tier]) => JSON.stringify(member(present, name)) === JSON.stringify(tier),
  );
  if (same) return policy;
  if (!MAY_CHANGE_POLICY) {
    throw new Error(
      `this scenario needs extra tiers (${Object.keys(tiers).join(", ")}): ` +
        "pass --change-policy to add them to the limiter's policy for the duration of the run",
    );
  }
  return { ...policy, tiers: { ...present, ...tiers } };
}

type Call = readonly [method: "GET" | "POST" | "DELETE", path: string, body: unknown];

function call(method: "GET", path: string): unknown {
  return callAll([[method, path, null]])[0];
}

/** Sends the calls. @returns the answers, in order. @throws at the first failure. */
function callAll(calls: readonly Call[]): unknown[] {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
  const params = { headers, tags: { name: "admin" }, responseCallback: EXPECTED };
  const answers: unknown[] = [];
  for (let i = 0; i < calls.length; i += CONCURRENCY) {
    const some = calls.slice(i, i + CONCURRENCY);
    const responses = http.batch(
      some.map(([method, path, body]) => ({
        method,
        url: `${ADMIN}${path}`,
        body: body === null ? null : JSON.stringify(body),
        params,
      })),
    );
    some.forEach(([method, path], n) => answers.push(read(method, path, responses[n])));
  }
  return answers;
}

function read(
  method: string,
  path: string,
  response: { readonly status: number; readonly body: unknown; readonly error: string } | undefined,
): unknown {
  const text = typeof response?.body === "string" ? response.body : "";
  if (!response || response.status < 200 || response.status > 299) {
    throw new Error(`${method} ${path}: ${response?.status} ${response?.error ?? ""} ${text.slice(0, 500)}`);
  }
  return text === "" ? null : JSON.parse(text);
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
