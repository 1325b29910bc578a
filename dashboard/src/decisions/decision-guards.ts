/** Guards for decisions, as the decision log and the live stream have them. Pure. */
import type { LiveRow, LoggedDecision, Report } from "../shell/answers.ts";
import { type Guards, isListOf, isNullOr, isNumber, isOneOf, isShape, isText } from "../shell/guards.ts";
import { isTime, parseReport, type Rest } from "../shell/report-guards.ts";

/** The outcomes, with their titles. */
export const OUTCOME_TITLES: Readonly<Record<LoggedDecision["outcome"], string>> = {
  allowed: "Allowed",
  denied: "Denied",
  turned_away: "Turned away",
  error: "Failed",
};
/** Where decisions are made, in words. */
export const SOURCE_TEXTS: Readonly<Record<LoggedDecision["source"], string>> = {
  strict: "the user's object",
  lease: "the edge, from a lease of the user's object",
  "deny-cache": "the edge, from a cached denial",
  fallback: "the edge alone, because the user's object did not answer",
  none: "no limit: none was checked",
};
/** Where decisions are made, in a word or two. */
export const SOURCE_NAMES: Readonly<Record<LoggedDecision["source"], string>> = {
  strict: "Object",
  lease: "Lease",
  "deny-cache": "Deny cache",
  fallback: "Fallback",
  none: "Not asked",
};

const ROW: Guards<LiveRow> = {
  at: isTime,
  requestId: isText,
  account: isText,
  route: isText,
  tier: isText,
  outcome: isOneOf(OUTCOME_TITLES),
  reason: isText,
  source: isOneOf(SOURCE_TEXTS),
  method: isText,
  colo: isText,
  country: isText,
  revision: isNumber,
  keyId: isText,
  upstreamStatus: isOneOf({ "1xx": true, "2xx": true, "3xx": true, "4xx": true, "5xx": true, none: true }),
  cost: isNumber,
  limiterMs: isNumber,
  upstreamMs: isNumber,
  remainingFraction: isNumber,
  retryAfterMs: isNumber,
  requests: isNumber,
  limits: isText,
  upstreamCode: isNumber,
  otherRequestIds: isText,
  shadowed: isText,
  rule: isText,
  units: isText,
};
export const isLiveRow = isShape<LiveRow>(ROW);

type NotFound = NonNullable<Report<"decisions">["notFound"]>;
const isLoggedDecision = isShape<LoggedDecision>({ ...ROW, weight: isNumber });
export const parseLog = parseReport<Rest<Report<"decisions">>>("decisions", {
  decisions: isListOf(isLoggedDecision),
  cursor: isNullOr(isText),
  notFound: isNullOr(isShape<NotFound>({ logBegins: isTime, detail: isText })),
});

/** The fields that `values` can list. */
const FIELDS: Readonly<Record<Report<"values">["by"], true>> = {
  account: true,
  route: true,
  tier: true,
  outcome: true,
  reason: true,
  source: true,
  keyId: true,
  method: true,
  upstreamStatus: true,
  shadowed: true,
};
export const parseValues = parseReport<Rest<Report<"values">>>("values", {
  by: isOneOf(FIELDS),
  values: isListOf(
    isShape<Report<"values">["values"][number]>({ value: isText, requests: isNumber, denied: isNumber }),
  ),
});
