/**
 * The decision API as another service asks it: one question, or many in a batch, about users that have no account. The model
 * of each user must be kept by whoever asks about it.
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

export interface Result {
  readonly verdict: Verdict;
  /** Whether the item was refused as no operation at all. */
  readonly invalid: boolean;
  readonly source: string;
  /** What is left of the first limit; null where there is none. */
  readonly remaining: number | null;
}

export interface Asked {
  readonly durationMs: number;
  /** As many as there were operations, in their order; of a call that failed, each is unknown. */
  readonly results: readonly Result[];
}

const FAILED: Result = { verdict: "unknown", invalid: false, source: "none", remaining: null };

/** Asks about one user. Never rejects. */
export async function check(stage: Stage, operation: Operation): Promise<Asked> {
  return post(stage, CHECK, operation, 1, (answer) => [answer]);
}

/** Asks about up to 1,000 at once. Never rejects. */
export async function checkBatch(stage: Stage, operations: readonly Operation[]): Promise<Asked> {
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
): Promise<Asked> {
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

function resultOf(item: unknown): Result {
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
