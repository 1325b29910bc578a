/**
 * A client of the decision API: checks one operation, or many in a batch, for users without an account. The caller keeps
 * the model of each user.
 */
import http from "k6/http";
import { BASE_URL } from "./environment.ts";
import type { Verdict } from "./model/exact-user.ts";
import type { Stage } from "./stage.ts";

const CHECK = `${BASE_URL}/api/v1/rate-limit/check`;
const TIMEOUT = "60s";

export interface Operation {
  readonly user: string;
  readonly tier: string;
  readonly cost: number;
}

export interface CheckResult {
  readonly verdict: Verdict;
  /** Whether the item was rejected as an invalid operation. */
  readonly invalid: boolean;
  readonly source: string;
  /** What remains of the first limit; null if there is none. */
  readonly remaining: number | null;
}

export interface CheckAnswer {
  readonly durationMs: number;
  /** One for each operation, in order. All are unknown if the call failed. */
  readonly results: readonly CheckResult[];
}

const FAILED: CheckResult = { verdict: "unknown", invalid: false, source: "none", remaining: null };

/** Checks one operation. Never rejects. */
export async function check(stage: Stage, operation: Operation): Promise<CheckAnswer> {
  return post(stage, CHECK, operation, 1, (answer) => [answer]);
}

/** Checks up to 1,000 operations in one request. Never rejects. */
export async function checkBatch(stage: Stage, operations: readonly Operation[]): Promise<CheckAnswer> {
  return post(stage, `${CHECK}/batch`, operations, operations.length, (answer) =>
    Array.isArray(answer) ? answer : [],
  );
}

async function post(
  stage: Stage,
  url: string,
  body: unknown,
  count: number,
  itemsOf: (answer: unknown) => readonly unknown[],
): Promise<CheckAnswer> {
  const response = await http.asyncRequest("POST", url, JSON.stringify(body), {
    headers: { "X-API-Key": stage.serviceKey, "Content-Type": "application/json" },
    tags: { name: url },
    responseType: "text",
    timeout: TIMEOUT,
  });
  const durationMs = response.timings.duration;
  const items = response.status === 200 ? itemsOf(JSON.parse(response.body ?? "null")) : [];
  const results = items.length === count ? items.map(resultOf) : Array.from({ length: count }, () => FAILED);
  return { durationMs, results };
}

function resultOf(item: unknown): CheckResult {
  const { allowed, source, limits, error } = fieldsOf(item);
  if (error !== undefined) return { ...FAILED, invalid: fieldsOf(error)["code"] === "invalid_request" };
  if (typeof allowed !== "boolean" || typeof source !== "string" || source === "fallback") {
    return { ...FAILED, source: typeof source === "string" ? source : "none" };
  }
  const { remaining } = fieldsOf(Array.isArray(limits) ? limits[0] : null);
  return {
    verdict: allowed ? "admitted" : "denied",
    invalid: false,
    source,
    remaining: typeof remaining === "number" ? remaining : null,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
