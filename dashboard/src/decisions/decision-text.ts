/** A recorded decision in words, and the commands to try it again. Pure. */
import { duration } from "../shell/format.ts";
import type { LiveRow, LoggedDecision } from "../shell/answers.ts";
import { subjectName } from "../shell/subject.ts";
import { SOURCE_TEXTS } from "./decision-guards.ts";
import { costOfOne, isCharged, levelsOf, passingCost, requestsUnit, unitsOf } from "./limit-levels.ts";

/** What the texts are made of: lines of the log and of the live stream have it. */
type Decided = Omit<LiveRow, "requestId">;

const PRECISE = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/** Tokens to a thousandth, as they are counted. */
export function precise(amount: number): string {
  return PRECISE.format(amount);
}

/** Reasons other than the name of a limit. */
const REASONS: Readonly<Record<string, string>> = {
  ok: "Every limit had enough left.",
  exempt: "Its route costs nothing, so no limit was checked.",
  denied: "A limit denied it.",
  blocked: "The account is blocked.",
  overdue: "An invoice of the account is past due.",
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
  flood: "Its address sends too many requests: the flood shield rejects them.",
  credential_flood: "Its address has sent too many wrong credentials: the credential shield rejects others.",
  loop_detected: "It has passed too many gateways: an upstream leads back here.",
  forbidden: "Its key may not call the API: it lacks the scope “call”.",
  internal_error: "The Worker failed: search its log for the request id.",
};

/** The reason of a request that a rule denied begins with it. */
const RULE = "rule:";

export function decidedBy({ source }: Pick<LiveRow, "source">): string {
  return SOURCE_TEXTS[source];
}

/** How exact the levels of a decision are. */
export const LEVEL_NOTES: Readonly<Record<LiveRow["source"], string>> = {
  strict: "As the user's object counted.",
  lease: "As the isolate knew them: it spent what the user's object had lent it.",
  "deny-cache": "As they were when the user's object denied an earlier request, which this isolate repeated.",
  fallback: "As this isolate counted alone, without the user's object.",
  none: "",
};

/** The cost of all its requests together. */
export function costText(decision: Pick<LiveRow, "cost" | "outcome" | "reason" | "units">): string {
  const others = unitsOf(decision.units).map(([unit, amount]) => `, ${precise(amount)} ${unit}`);
  return `${tokens(decision.cost, requestsUnit(decision))}${others.join("")}, ${isCharged(decision) ? "charged" : "not charged"}`;
}

export function tokens(amount: number, unit = "tokens"): string {
  return `${precise(amount)} ${amount === 1 ? unit.replace(/s$/, "") : unit}`;
}

/** The decision in a few words, for a heading. */
export function titleOf({ outcome, reason, source, account, method, route }: Decided): string {
  const path = route === "" ? "without a route" : placeOf({ method, route }).path;
  const what = isCheckOfCost({ route, source }) ? "Check" : `${method} ${path}`;
  const who = account === "" ? "" : ` by ${subjectName(account)}`;
  const why = outcome === "denied" && source !== "none" ? `: limit “${reason}”` : "";
  return `${what}${who}${why}`;
}

/** Why it had this outcome, in a sentence or two. */
export function whyText(decision: Decided): string {
  const { outcome, reason, source, shadowed } = decision;
  if (shadowed !== "")
    return `All that is enforced let it pass. In shadow, it would have been denied by ${shadowNames(shadowed)}.`;
  const known = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  if (known !== undefined) return known;
  if (reason.startsWith(RULE)) return `The policy's rule “${reason.slice(RULE.length)}” denies it.`;
  if (outcome !== "denied" || source === "none") return reason;
  const found = levelsOf(decision);
  const level = found.kind === "levels" ? found.levels.find(({ name }) => name === reason) : undefined;
  if (level?.isSlots) return `All ${level.limit} slots of limit “${reason}” were taken.`;
  const cost = level?.cost ?? costOfOne(decision);
  return level
    ? `Limit “${reason}” had ${precise(level.after)} of ${tokens(level.limit, level.unit)} left, and the request costs ${precise(cost)}.`
    : `Limit “${reason}” had less than ${tokens(cost)} left.`;
}

/** The names of what is in shadow: "minute, uploads". */
export function shadowNames(shadowed: string): string {
  return shadowed.replaceAll(";", ", ");
}

/** What would have passed instead of a request that was not allowed. */
export interface Passing {
  /** When the same request passes if nothing else spends, Unix ms; null: never, or unknown. */
  readonly atMs: number | null;
  /** In words: how much later, or after which change. */
  readonly same: string;
  /** Which cost would have passed at once; null if cost did not matter, or it is not recorded. */
  readonly atOnce: string | null;
}

/** What a caller or an operator has to change, for reasons other than a limit. */
const REMEDIES: Readonly<Record<string, string>> = {
  blocked: "Once the account is active again.",
  overdue: "Once the invoice is paid.",
  revoked: "With a key that is in force.",
  overloaded: "If the user sends fewer at once.",
  idempotency_mismatch: "With another idempotency key.",
  unauthenticated: "With a valid key or token.",
  credentials_unavailable: "Once the issuer's keys can be fetched.",
  limiter_unavailable: "Once the limiter answers.",
  upstream_error: "The limits admitted it: once the upstream answers.",
  upstream_timeout: "The limits admitted it: once the upstream answers in time.",
  not_found: "On a path that has a route.",
  method_not_allowed: "With a method that the route allows.",
  forbidden: "With a key that has the scope “call”.",
};

/** Null if it was allowed, or nothing is known. */
export function passingOf(decision: Decided): Passing | null {
  const { at, outcome, reason, source, retryAfterMs } = decision;
  if (outcome === "allowed") return null;
  const remedy = Object.hasOwn(REMEDIES, reason) ? REMEDIES[reason] : undefined;
  if (remedy !== undefined) return { atMs: null, same: remedy, atOnce: null };
  if (outcome !== "denied" || source === "none") return null;
  const levels = levelsOf(decision);
  // With several units, no one cost says what would have passed.
  const most = decision.units === "" ? passingCost(levels) : null;
  const atOnce =
    most === null
      ? null
      : most > 0
        ? `At once, at a cost of at most ${tokens(most)}.`
        : "At once, at no cost: nothing was left.";
  if (retryAfterMs > 0) {
    const same = `${duration(retryAfterMs)} later, if nothing else spends.`;
    return { atMs: Date.parse(at) + retryAfterMs, same, atOnce };
  }
  const isTooDear =
    levels.kind === "levels" && levels.levels.some(({ isSlots, limit, cost }) => !isSlots && limit < cost);
  const same = isTooDear ? "Never: it costs more than the limit can hold." : "When is not recorded.";
  return { atMs: null, same, atOnce };
}

/** The upstream's status: its code, or its class if the code was not recorded; a dash if the upstream was not called. */
export function upstreamText({
  upstreamCode,
  upstreamStatus,
}: Pick<LiveRow, "upstreamCode" | "upstreamStatus">): string {
  if (upstreamStatus === "none") return "–";
  return upstreamCode > 0 ? String(upstreamCode) : upstreamStatus;
}

/** The ids of the requests that the line stands for. Operations of a batch share one. */
export function requestIdsOf({
  requestId,
  otherRequestIds,
}: Pick<LiveRow, "requestId" | "otherRequestIds">): string[] {
  return [requestId, ...otherRequestIds.split(" ").filter((id) => id !== "")];
}

/** The number of requests that the line stands for. */
export function countOf({ requests, weight }: LoggedDecision): number {
  return requests * weight;
}

/** The method, and the path in the route's id, such as `GET,HEAD /pets/:id`. */
function placeOf({ method, route }: Pick<LoggedDecision, "method" | "route">): {
  method: string;
  path: string;
} {
  const path = route.slice(route.lastIndexOf(" ") + 1);
  return { method: method === "" ? "GET" : method, path: path === "" ? "/" : path };
}

/** A service asked for a decision about a cost, without naming a route: there was no request to a path. */
function isCheckOfCost({ route, source }: Pick<LiveRow, "route" | "source">): boolean {
  return route === "" && source !== "none";
}

/** A curl command for a similar request; null if there was none. The log has neither the key nor the whole path. */
export function requestCommand(decision: LoggedDecision, origin: string): string | null {
  if (isCheckOfCost(decision)) return null;
  const { method, path } = placeOf(decision);
  const key = decision.keyId === "" ? "" : ` -H ${quoted("X-API-Key: YOUR_KEY")}`;
  return `curl -i -X ${method}${key} ${quoted(`${origin}${path}`)}`;
}

/** A curl command that peeks whether it would be allowed now; null without a user. */
export function peekCommand(
  { account, route, cost, requests, units }: LoggedDecision,
  origin: string,
): string | null {
  if (!account.startsWith("user:")) return null;
  const own = costOfOne({ cost, requests, units });
  const others = unitsOf(units).map(([unit]) => [unit, costOfOne({ cost, requests, units }, unit)] as const);
  const costs = others.length === 0 ? own : { requests: own, ...Object.fromEntries(others) };
  const what = route === "" ? { cost: costs } : { route };
  const body = JSON.stringify({ user: subjectName(account), ...what, peek: true });
  const headers = ["X-API-Key: KEY_WITH_SCOPE_CHECK", "Content-Type: application/json"];
  const given = headers.map((header) => ` -H ${quoted(header)}`).join("");
  return `curl -X POST${given} -d ${quoted(body)} ${quoted(`${origin}/api/v1/rate-limit/check`)}`;
}

/** One word for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
