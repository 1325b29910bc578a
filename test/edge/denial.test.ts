/** Denials are made from a template: nobody ever gets anything of another denial. */
import { expect, it } from "vitest";
import { type Decision, decisionOf, type LimitView } from "../../src/core/decision.ts";
import { denial } from "../../src/edge/denial.ts";

const MINUTE: LimitView = {
  name: "minute",
  kind: "bucket",
  limit: 10,
  remaining: 0,
  resetMs: 5_500,
  windowMs: 60_000,
};

function denied(changes: Partial<Decision> = {}): Decision {
  const by = { tier: "free", revision: 1 };
  const made = decisionOf(by, "strict", "an id", 2_000, "denied", [MINUTE], 5_500, ["minute"]);
  return { ...made, ...changes };
}

async function wireOf(decision: Decision, requestId: string): Promise<unknown> {
  const response = denial(decision, requestId);
  return { status: response.status, headers: [...response.headers], body: await response.json() };
}

it.each<[string, Partial<Decision>]>([
  ["cost", { cost: 3 }],
  ["limit", { violated: ["month"] }],
  ["limits", { violated: ["minute", "month"] }],
  ["time to wait", { retryAfterMs: 6_500 }],
  ["request, which never passes", { retryAfterMs: null }],
  ["amount left", { limits: [{ ...MINUTE, remaining: 1 }] }],
  ["capacity", { limits: [{ ...MINUTE, limit: 11 }] }],
  ["tier, without limits", { limits: [] }],
])("a denial of another %s differs, whatever was denied before", async (_what, changes) => {
  const alone = await wireOf(denied(changes), "a");
  const other = await wireOf(denied(), "a");
  expect(await wireOf(denied(changes), "a")).toEqual(alone);
  expect(other).not.toEqual(alone);
});

it("an equal denial differs only in its request id, and is not changed by what is done with another", async () => {
  const first = denial(denied(), "first");
  first.headers.set("Retry-After", "0");
  first.headers.delete("RateLimit");
  const second = denial(denied({ violated: ["minute"], retryAfterMs: 5_001 }), 'a "quoted" id');
  expect(await second.json()).toEqual({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    detail:
      'This request (cost 2) would exceed the limit "minute". Retry after 6 s; a denied request costs nothing.',
    code: "quota_exceeded",
    requestId: 'a "quoted" id',
    "violated-policies": ["minute"],
  });
  expect(Object.fromEntries(second.headers)).toEqual({
    "cache-control": "no-store",
    "content-type": "application/problem+json",
    ratelimit: '"minute";r=0;t=6',
    "ratelimit-policy": '"minute";q=10;w=60',
    "retry-after": "6",
    "x-content-type-options": "nosniff",
    "x-request-id": 'a "quoted" id',
  });
});
