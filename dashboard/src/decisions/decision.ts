/** A recorded decision as the page reads it, in words, and as a command to try it again. Pure; never trusts a shape. */
import { duration, exact, percent } from "../shell/format.ts";
import {
  isListOf,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
  parseAs,
  type Shape,
} from "../shell/shape.ts";
import { subjectName } from "../shell/subject.ts";

export const OUTCOMES = ["allowed", "denied", "turned_away", "error"] as const;
export const SOURCES = ["strict", "lease", "deny-cache", "fallback", "none"] as const;

const isDecision = isShape({
  at: isText,
  requestId: isText,
  account: isText,
  route: isText,
  tier: isText,
  outcome: isOneOf(...OUTCOMES),
  reason: isText,
  source: isOneOf(...SOURCES),
  method: isText,
  colo: isText,
  country: isText,
  revision: isNumber,
  keyId: isText,
  upstreamStatus: isText,
  cost: isNumber,
  limiterMs: isNumber,
  upstreamMs: isNumber,
  remainingFraction: isNumber,
  retryAfterMs: isNumber,
  requests: isNumber,
  weight: isNumber,
});
export type Decision = Shape<typeof isDecision>;
export const parseLog = parseAs(isShape({ decisions: isListOf(isDecision), cursor: isNullOr(isText) }));

export const OUTCOME_TITLES: Readonly<Record<(typeof OUTCOMES)[number], string>> = {
  allowed: "Allowed",
  denied: "Denied",
  turned_away: "Turned away",
  error: "Failed",
};

/** Reasons that are no limits' names. */
const REASONS: Readonly<Record<string, string>> = {
  ok: "Every limit held what it cost.",
  exempt: "Its route costs nothing, so no limit was asked.",
  denied: "A limit denied it.",
  blocked: "The account is blocked.",
  revoked: "The key is revoked, has expired, or is not the account's.",
  overloaded: "The user sends more requests at once than one object can take.",
  idempotency_mismatch: "Its idempotency key was used with other parameters.",
  unauthenticated: "Its key or token is not valid.",
  credentials_unavailable: "Its token could not be checked: the issuer's keys were not to be had.",
  limiter_unavailable: "The limiter did not answer, and the tier refuses then.",
  upstream_error: "The upstream could not be reached.",
  upstream_timeout: "The upstream did not answer in time.",
  not_found: "No route of the policy matches its path.",
  method_not_allowed: "Its route does not take this method.",
  invalid_request: "Its path can be read in more than one way.",
  forbidden: "Its key may not call the API: it has no scope “call”.",
  internal_error: "The Worker failed: the log has this request's id.",
};

const DECIDED_BY: Readonly<Record<Decision["source"], string>> = {
  strict: "the user's own object",
  lease: "the edge, out of a lease of the user's object",
  "deny-cache": "the edge, which remembered a denial that still held",
  fallback: "the edge alone, since the user's object did not answer",
  none: "nobody: no limit was asked",
};

export function decidedBy({ source }: Decision): string {
  return DECIDED_BY[source];
}

/** What all its requests cost together. */
export function costText({ cost, outcome, reason }: Decision): string {
  // The limits let it in before the upstream failed.
  const isCharged = outcome === "allowed" || reason.startsWith("upstream_");
  return `${tokens(cost)}, ${isCharged ? "charged" : "not charged"}`;
}

function tokens(amount: number): string {
  return `${exact(amount)} ${amount === 1 ? "token" : "tokens"}`;
}

/** Why it came out so, in a sentence or two. */
export function whyText({ outcome, reason, source, cost, requests, retryAfterMs }: Decision): string {
  const known = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  if (known !== undefined) return known;
  if (outcome !== "denied" || source === "none") return reason;
  const again =
    retryAfterMs > 0 ? ` The same request passes after ${duration(retryAfterMs)} if nobody else spends.` : "";
  return `Limit “${reason}” did not hold ${tokens(requests > 0 ? cost / requests : cost)} more.${again}`;
}

/** The tightest limit before and after, as far as the log has it: it keeps one share. */
export function leftText({ source, outcome, remainingFraction }: Decision): string {
  if (source === "none") return "no limit was asked";
  const left = percent(remainingFraction, 1);
  return outcome === "denied"
    ? `${left} of the tightest limit was left, before and after: a denial spends nothing`
    : `${left} of the tightest limit was left afterwards; before is not recorded`;
}

/** Requests that the line stands for. */
export function countOf({ requests, weight }: Decision): number {
  return requests * weight;
}

/** The first method and the path of a route's id, `GET,HEAD /pets/:id`. */
function placeOf({ method, route }: Decision): { method: string; path: string } {
  const path = route.slice(route.lastIndexOf(" ") + 1);
  return { method: method === "" ? "GET" : method, path: path === "" ? "/" : path };
}

/** A request like it. The log has neither its key nor the rest of its path. */
export function requestCommand(decision: Decision, origin: string): string {
  const { method, path } = placeOf(decision);
  const key = decision.keyId === "" ? "" : ` -H ${quoted("X-API-Key: YOUR_KEY")}`;
  return `curl -i -X ${method}${key} ${quoted(`${origin}${path}`)}`;
}

/** Asks whether it would pass now, and spends nothing; null where there is no user to ask for. */
export function peekCommand({ account, route, cost, requests }: Decision, origin: string): string | null {
  if (!account.startsWith("user:")) return null;
  const what = route === "" ? { cost: requests > 0 ? cost / requests : cost } : { route };
  const body = JSON.stringify({ user: subjectName(account), ...what, peek: true });
  const headers = ["X-API-Key: KEY_WITH_SCOPE_CHECK", "Content-Type: application/json"];
  const given = headers.map((header) => ` -H ${quoted(header)}`).join("");
  return `curl -X POST${given} -d ${quoted(body)} ${quoted(`${origin}/api/v1/rate-limit/check`)}`;
}

/** As one word for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
