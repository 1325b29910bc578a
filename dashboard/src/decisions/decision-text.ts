/** A recorded decision in words, and the commands to try it again. Pure. */
import { duration, exact, percent } from "../shell/format.ts";
import type { LoggedDecision } from "../shell/answers.ts";
import { subjectName } from "../shell/subject.ts";
import { SOURCE_TEXTS } from "./decision-guards.ts";

/** Reasons other than the name of a limit. */
const REASONS: Readonly<Record<string, string>> = {
  ok: "Every limit had enough left.",
  exempt: "Its route costs nothing, so no limit was checked.",
  denied: "A limit denied it.",
  blocked: "The account is blocked.",
  revoked: "The key is revoked, expired, or belongs to another account.",
  overloaded: "The user sends more requests at once than one object can handle.",
  idempotency_mismatch: "Its idempotency key was used before with other parameters.",
  unauthenticated: "Its key or token is invalid.",
  credentials_unavailable: "Its token could not be verified: the issuer's keys were unavailable.",
  limiter_unavailable: "The limiter did not answer, and the tier rejects requests then.",
  upstream_error: "The upstream could not be reached.",
  upstream_timeout: "The upstream did not answer in time.",
  not_found: "No route in the policy matches its path.",
  method_not_allowed: "Its route does not allow this method.",
  invalid_request: "Its path is ambiguous.",
  forbidden: "Its key may not call the API: it lacks the scope “call”.",
  internal_error: "The Worker failed: search its log for the request id.",
};

export function decidedBy({ source }: LoggedDecision): string {
  return SOURCE_TEXTS[source];
}

/** The cost of all its requests together. */
export function costText({ cost, outcome, reason }: LoggedDecision): string {
  // The limits admitted it before the upstream failed.
  const isCharged = outcome === "allowed" || reason.startsWith("upstream_");
  return `${tokens(cost)}, ${isCharged ? "charged" : "not charged"}`;
}

function tokens(amount: number): string {
  return `${exact(amount)} ${amount === 1 ? "token" : "tokens"}`;
}

/** Why it had this outcome, in a sentence or two. */
export function whyText({ outcome, reason, source, cost, requests, retryAfterMs }: LoggedDecision): string {
  const known = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  if (known !== undefined) return known;
  if (outcome !== "denied" || source === "none") return reason;
  const again =
    retryAfterMs > 0
      ? ` The same request succeeds after ${duration(retryAfterMs)} if nothing else spends.`
      : "";
  return `Limit “${reason}” had less than ${tokens(requests > 0 ? cost / requests : cost)} left.${again}`;
}

/** The tightest limit before and after, as far as the log has it: it records one fraction. */
export function leftText({ source, outcome, remainingFraction }: LoggedDecision): string {
  if (source === "none") return "no limit was checked";
  const left = percent(remainingFraction, 1);
  return outcome === "denied"
    ? `${left} of the tightest limit was left, before and after: a denial spends nothing`
    : `${left} of the tightest limit was left afterwards; the level before is not recorded`;
}

/** The number of requests that the line stands for. */
export function countOf({ requests, weight }: LoggedDecision): number {
  return requests * weight;
}

/** The method, and the path in the route's id, such as `GET,HEAD /pets/:id`. */
function placeOf({ method, route }: LoggedDecision): { method: string; path: string } {
  const path = route.slice(route.lastIndexOf(" ") + 1);
  return { method: method === "" ? "GET" : method, path: path === "" ? "/" : path };
}

/** A curl command for a similar request. The log has neither the key nor the whole path. */
export function requestCommand(decision: LoggedDecision, origin: string): string {
  const { method, path } = placeOf(decision);
  const key = decision.keyId === "" ? "" : ` -H ${quoted("X-API-Key: YOUR_KEY")}`;
  return `curl -i -X ${method}${key} ${quoted(`${origin}${path}`)}`;
}

/** A curl command that peeks whether it would be allowed now; null without a user. */
export function peekCommand(
  { account, route, cost, requests }: LoggedDecision,
  origin: string,
): string | null {
  if (!account.startsWith("user:")) return null;
  const what = route === "" ? { cost: requests > 0 ? cost / requests : cost } : { route };
  const body = JSON.stringify({ user: subjectName(account), ...what, peek: true });
  const headers = ["X-API-Key: KEY_WITH_SCOPE_CHECK", "Content-Type: application/json"];
  const given = headers.map((header) => ` -H ${quoted(header)}`).join("");
  return `curl -X POST${given} -d ${quoted(body)} ${quoted(`${origin}/api/v1/rate-limit/check`)}`;
}

/** One word for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
