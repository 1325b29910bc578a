/**
 * The response to a request that a limit denied, made from a template: while a client keeps sending, its denials differ in nothing but the
 * request id for up to a second, and the rest is the most expensive part of such a request.
 *
 * One template is kept, the last one: of many denied clients at once, each costs what it would cost without. It holds no secret: all of
 * it is compared with the decision before it is used.
 */
import type { Decision } from "../core/decision.ts";
import { problemBody, problemHeaders, QUOTA_EXCEEDED_STATUS, secondsOf } from "./problem.ts";
import { limitTexts, type LimitTexts, setLimitTexts } from "./rate-limit-headers.ts";

interface Template extends LimitTexts {
  readonly cost: string;
  readonly violated: readonly string[];
  /** Retry-After; null: the request never passes. */
  readonly seconds: number | null;
  /** All headers but those of the one request. The runtime copies them, which is cheaper than writing them anew. */
  readonly headers: Headers;
  /** The body before and after the request id. */
  readonly before: string;
  readonly after: string;
}

/** Stands for the request id in a body: no detail can contain it. */
const ID = "\u0000";

let last: Template | null = null;

/** The whole response to a denial by a limit, not by an account's cap, except headers that not every policy wants. */
export function denial(decision: Decision, requestId: string): Response {
  const seconds = decision.retryAfterMs === null ? null : secondsOf(decision.retryAfterMs);
  const texts = limitTexts(decision.limits);
  const cost = costText(decision);
  let template = last;
  if (
    template === null ||
    template.seconds !== seconds ||
    template.left !== texts.left ||
    template.policy !== texts.policy ||
    template.overage !== texts.overage ||
    template.cost !== cost ||
    !isSame(template.violated, decision.violated)
  ) {
    template = last = templateOf(decision, cost, seconds, texts);
  }
  const { before, after, headers } = template;
  const response = new Response(before + JSON.stringify(requestId) + after, {
    status: QUOTA_EXCEEDED_STATUS,
    headers,
  });
  response.headers.set("X-Request-Id", requestId);
  return response;
}

function templateOf(
  { violated }: Decision,
  cost: string,
  seconds: number | null,
  texts: LimitTexts,
): Template {
  const body = problemBody("quota_exceeded", detailOf(cost, violated, seconds), ID, {
    "violated-policies": violated,
  });
  const [before = "", after = ""] = body.split(JSON.stringify(ID));
  const headers = problemHeaders();
  if (seconds !== null) headers.set("Retry-After", String(seconds));
  setLimitTexts(headers, texts);
  return { cost, violated, seconds, ...texts, headers, before, after };
}

/** What a request costs, for people: "2", or "1, 4000 tokens". */
function costText({ cost, units }: Decision): string {
  if (units === undefined) return String(cost);
  return [cost, ...Object.entries(units).map(([unit, amount]) => `${amount} ${unit}`)].join(", ");
}

function detailOf(cost: string, violated: readonly string[], seconds: number | null): string {
  const names = violated.map((name) => `"${name}"`).join(", ");
  return seconds === null
    ? `This request (cost ${cost}) is larger than ${names} can ever hold. Split it, or ask for a larger limit.`
    : `This request (cost ${cost}) would exceed the ${violated.length > 1 ? "limits" : "limit"} ${names}. Retry after ${seconds} s; a denied request costs nothing.`;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
