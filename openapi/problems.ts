/** Which problems an endpoint may return, and what each means. Most follow from its access, its body and its query. */
import {
  MISMATCH,
  RESERVATION_GONE,
  problem,
  type ProblemExtras,
  RETRY_MS,
  TOO_MANY_RESERVATIONS,
} from "../src/edge/problem.ts";
import { SHIELD_MS } from "../src/edge/shields.ts";
import { LOGIN_TIER } from "../src/policy/built-in-tiers.ts";
import type { Access, Endpoint } from "../src/api/endpoint.ts";
import type { HeaderName } from "./headers.ts";
import { type ApiProblem, CUSTOMER_PROBLEMS } from "./notes.ts";

interface ProblemNotes {
  /** When it happens. */
  readonly when: string;
  /** An example. */
  readonly detail: string;
  readonly extras?: ProblemExtras;
  readonly headers?: readonly HeaderName[];
}

const REQUEST_ID = "c1448614-a9af-4ce0-8ea5-08d0c3fa0f8d";

export const PROBLEM_NOTES: Record<ApiProblem, ProblemNotes> = {
  invalid_request: {
    when: "The body is not JSON, or the query is not valid.",
    detail: "The body is not JSON.",
    extras: { errors: [{ path: "", message: "is not JSON" }] },
  },
  too_large: {
    when: "The body is larger than a mebibyte.",
    detail: "The body is larger than 1048576 bytes.",
    extras: { errors: [{ path: "", message: "is larger than 1048576 bytes" }] },
  },
  invalid_content: {
    when: "The body is JSON, but not valid; see `errors`.",
    detail: "The body has 1 fault; see errors.",
    extras: { errors: [{ path: "/tier", message: 'unknown tier "x" (known: anonymous, free, pro)' }] },
  },
  invalid_credentials: {
    when: "The credential is missing, invalid, expired or revoked.",
    detail: "This is not an admin token.",
    headers: ["WWW-Authenticate"],
  },
  credits_exhausted: {
    when: "The account has too few credits for the request.",
    detail:
      "The credits of this account are used up: this request (cost 1) would exceed it. Add credits. A denied request costs nothing.",
    extras: { "violated-policies": ["month"] },
  },
  payment_overdue: {
    when: "An invoice of the account is past due, and the policy blocks for that.",
    detail: "An invoice of this account is past due. Requests are admitted again once it is paid.",
  },
  blocked: { when: "The account is blocked.", detail: "This account is blocked." },
  denied_by_rule: {
    when: "A rule of the policy rejects the request.",
    detail: "A rule of this API rejects this request.",
  },
  invalid_proxy_key: {
    when: "The proxy's own key is missing, invalid, expired or revoked, lacks the scope `check`, or its account is blocked. It is no fault of the proxy's client.",
    detail: 'Proxies need an API key with the scope "check" in X-Edge-Limiter-Key.',
  },
  forbidden: {
    when: "The credential is valid but lacks the role or the scope, a page of another site sent the request, a link has expired or is not valid, or a customer's session may not make the change.",
    detail: 'This needs the role "operator"; yours is "viewer".',
  },
  not_found: { when: "The resource does not exist.", detail: 'There is no account "acme".' },
  reservation_gone: {
    when: "The user has no such reservation: it has expired and stays charged, or was settled more than ten minutes ago.",
    detail: RESERVATION_GONE,
  },
  not_acceptable: {
    when: "The document has characters that its PDF cannot show, or too many lines for one. `Link` leads to the page.",
    detail:
      "This document has characters that its PDF cannot show: 東 京 Read it as a page: /api/v1/admin/accounts/acme/invoices/acme.20261101.html",
    headers: ["Link"],
  },
  method_not_allowed: { when: "The path takes other methods only.", detail: "This path takes GET, HEAD." },
  idempotency_mismatch: {
    when: "The idempotency key was used with other parameters: for a decision in the last ten minutes, or for the same path of the admin API in the last day.",
    detail: MISMATCH,
  },
  conflict: {
    when: "The resource already exists, the maximum number is reached, accounts use tiers or limits that the policy lacks, or the account is not billed.",
    detail: 'The account "acme" already exists.',
  },
  currency_differs: {
    when: "The open billing period or the invoice is in another currency.",
    detail: "The open billing period is in EUR.",
  },
  invoice_issued: {
    when: "The invoice is final or has a number.",
    detail: "The invoice is issued: it never changes again. A credit note corrects it.",
  },
  exceeds_uncredited: {
    when: "The credit note asks for more than is left of a line of the invoice, or of all of it.",
    detail: "The credit note asks for more than is left of the invoice; see errors.",
    extras: {
      errors: [
        { path: "/lines/0/amount", message: "is more than 10.00, which is what is left of this line" },
      ],
    },
  },
  period_closed: {
    when: "The billing period has ended, or its invoice was carried, void or for nothing.",
    detail: "The open billing period began at 2026-11-01T00:00:00.000Z: earlier ones have ended.",
  },
  revision_mismatch: {
    when: "The policy has changed: If-Match does not name the newest revision.",
    detail: "The policy has changed: it is at revision 8 now. Read it again and repeat your change.",
    headers: ["ETag"],
  },
  upgrade_required: {
    when: "The request is not a WebSocket handshake.",
    detail: "The live stream is a WebSocket.",
  },
  precondition_required: {
    when: "If-Match is missing, or is not an ETag of the policy.",
    detail:
      'Send If-Match with the ETag that GET /api/v1/admin/policy returned for the revision you changed, for example If-Match: "7".',
    extras: { errors: [{ path: "/If-Match", message: "is missing, or is not an ETag of the policy" }] },
  },
  quota_exceeded: {
    when: "Too many wrong admin tokens from this address, too many policies (counted by size), simulations or reports of this administrator, too many failed sign-ins to the portal, or too many calls to the portal by one account.",
    detail: "Too many wrong admin tokens from this address. Retry after 6 s.",
    extras: {
      "violated-policies": LOGIN_TIER.limits.map(({ document }) => document.name),
      retryAfterMs: 6_000,
    },
    headers: ["Retry-After", "RateLimit", "RateLimit-Policy"],
  },
  spend_cap_reached: {
    when: "The account's spend cap is reached.",
    detail:
      "The spend cap of this account is reached: this request (cost 1) would exceed it. Retry after 86400 s. A denied request costs nothing.",
    extras: { "violated-policies": ["month"], retryAfterMs: 86_400_000 },
    headers: ["Retry-After"],
  },
  budget_reached: {
    when: "The customer's own budget is reached.",
    detail:
      "The budget of this account is reached: this request (cost 1) would exceed it. Retry after 86400 s. A denied request costs nothing.",
    extras: { "violated-policies": ["month"], retryAfterMs: 86_400_000 },
    headers: ["Retry-After"],
  },
  flood: {
    when: "A shield is bound, and this address sends too many requests, or has sent too many wrong credentials.",
    detail: "This address sends too many requests. Retry after 10 s.",
    extras: { retryAfterMs: SHIELD_MS },
    headers: ["Retry-After"],
  },
  overloaded: {
    when: "One user, account or address sends more requests at once than can be decided. The limiter itself works.",
    detail: "This user sends more requests at once than can be decided. Send fewer, and retry after 1 s.",
    extras: { retryAfterMs: RETRY_MS },
    headers: ["Retry-After"],
  },
  too_many_reservations: {
    when: "The user has 256 open reservations. Nothing was charged.",
    detail: TOO_MANY_RESERVATIONS,
    extras: { retryAfterMs: RETRY_MS },
    headers: ["Retry-After"],
  },
  temporary_reduced_capacity: {
    when: "A component that the response depends on is not responding.",
    detail: "The limiter is not responding. Retry after 1 s.",
    extras: { retryAfterMs: RETRY_MS },
    headers: ["Retry-After"],
  },
  loop_detected: {
    when: "The request has passed five gateways.",
    detail:
      "The request has passed 5 gateways: the upstream of some route leads back here. Point it at the API itself.",
  },
  not_configured: {
    when: "The deployment lacks a setting that the request needs, such as an admin token.",
    detail: "No admin token is configured. Set one: wrangler secret put ADMIN_TOKEN (16 characters or more).",
  },
};

const ADMINISTRATOR: readonly ApiProblem[] = [
  "invalid_credentials",
  "forbidden",
  "quota_exceeded",
  "overloaded",
  "temporary_reduced_capacity",
  "not_configured",
];

/** The problems of each kind of access (src/api/endpoint.ts). */
const BY_ACCESS: Record<Access, readonly ApiProblem[]> = {
  none: [],
  caller: ["invalid_credentials", "flood", "temporary_reduced_capacity"],
  check: ["invalid_credentials", "forbidden", "blocked", "flood", "overloaded", "temporary_reduced_capacity"],
  proxy: ["invalid_proxy_key", "flood", "overloaded", "temporary_reduced_capacity"],
  portal: CUSTOMER_PROBLEMS,
  "portal-link": CUSTOMER_PROBLEMS,
  viewer: ADMINISTRATOR,
  operator: ADMINISTRATOR,
  admin: ADMINISTRATOR,
};

/** The problems of an endpoint by status: those that follow from the contract, and `more`. */
export async function problemsOf(
  endpoint: Endpoint,
  more: readonly ApiProblem[] = [],
): Promise<Map<number, ApiProblem[]>> {
  const kinds = new Set<ApiProblem>([
    ...(endpoint.query ? (["invalid_request"] as const) : []),
    ...(endpoint.body && !endpoint.isLines
      ? (["invalid_request", "too_large", "invalid_content"] as const)
      : []),
    ...(endpoint.idempotent ? (["idempotency_mismatch"] as const) : []),
    ...(endpoint.ifMatch ? (["precondition_required", "revision_mismatch"] as const) : []),
    ...BY_ACCESS[endpoint.access],
    ...more,
  ]);
  const byStatus = new Map<number, ApiProblem[]>();
  for (const kind of [...kinds].toSorted()) {
    const { status } = await problemExample(kind);
    byStatus.set(status, [...(byStatus.get(status) ?? []), kind]);
  }
  return byStatus;
}

/** A problem as the product writes it. */
export async function problemExample(kind: ApiProblem): Promise<{ status: number; body: unknown }> {
  const { detail, extras } = PROBLEM_NOTES[kind];
  const response = problem(kind, detail, REQUEST_ID, extras);
  const body: unknown = await response.json();
  return { status: response.status, body };
}
