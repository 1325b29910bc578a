/** Which problems an endpoint can answer with, and what each means: most follow from its access, its body and its query. */
import * as z from "zod/mini";
import { MISMATCH, problem, type ProblemExtras, type ProblemKind } from "../src/edge/problem.ts";
import { LOGIN_TIER } from "../src/policy/built-in-tiers.ts";
import type { Access, Endpoint } from "../src/api/contract.ts";
import type { HeaderName } from "./headers.ts";
import { about, named } from "./said.ts";

/** The gateway answers the others, and `internal_error` is a bug. */
export type ApiProblem = Exclude<
  ProblemKind,
  "internal_error" | "upstream_error" | "upstream_timeout" | "loop_detected"
>;

interface ProblemNotes {
  /** When it happens. */
  readonly when: string;
  /** As an example. */
  readonly detail: string;
  readonly extras?: ProblemExtras;
  readonly headers?: readonly HeaderName[];
}

const REQUEST_ID = "c1448614-a9af-4ce0-8ea5-08d0c3fa0f8d";
const RETRY_MS = 1_000;

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
    when: "The body is JSON, but not what is wanted; `errors` says where and why.",
    detail: "The body is not valid in one place; see errors.",
    extras: { errors: [{ path: "/tier", message: "is no tier of the policy" }] },
  },
  invalid_credentials: {
    when: "The credential is missing, or is there but bad, expired or revoked.",
    detail: "This is not an admin token.",
    headers: ["WWW-Authenticate"],
  },
  blocked: { when: "The account is suspended.", detail: "This account is suspended." },
  forbidden: {
    when: "The credential is good, but not for this: a role or a scope is missing, or another site sent the request.",
    detail: 'This needs the role "operator"; yours is "viewer".',
  },
  not_found: { when: "It does not exist.", detail: 'There is no account "acme".' },
  method_not_allowed: { when: "The path takes other methods.", detail: "This path takes GET, HEAD." },
  idempotency_mismatch: {
    when: "The idempotency key was used with another cost, route, tier or peek in the last ten minutes.",
    detail: MISMATCH,
  },
  conflict: {
    when: "It exists already, the maximum number is reached, or accounts use what the policy lacks.",
    detail: 'The account "acme" exists already.',
  },
  revision_mismatch: {
    when: "Somebody else was faster: If-Match names another revision than the newest.",
    detail:
      "Somebody else has changed the policy: it is at revision 8 now. Read it again and repeat your change.",
    headers: ["ETag"],
  },
  upgrade_required: {
    when: "The request is no WebSocket handshake.",
    detail: "The live stream is a WebSocket.",
  },
  precondition_required: {
    when: "If-Match is missing, or is not an ETag of the policy.",
    detail:
      'Say which revision you have changed: If-Match with the ETag that GET /api/v1/admin/policy gave, for example If-Match: "7".',
    extras: { errors: [{ path: "/If-Match", message: "is missing, or not an ETag of the policy" }] },
  },
  quota_exceeded: {
    when: "Too many wrong admin tokens came from this address. Or this administrator has sent too many policies (counted by size), simulations or reports.",
    detail:
      "Too many wrong admin tokens came from this address: none is looked at before the time that Retry-After says.",
    extras: {
      "violated-policies": LOGIN_TIER.limits.map(({ document }) => document.name),
      retryAfterMs: 6_000,
    },
    headers: ["Retry-After", "RateLimit", "RateLimit-Policy"],
  },
  overloaded: {
    when: "One user, account or address sends more requests at once than can be decided. The limiter itself works.",
    detail: "This user sends more requests at once than can be decided. Send fewer, and retry after 1 s.",
    extras: { retryAfterMs: RETRY_MS },
    headers: ["Retry-After"],
  },
  temporary_reduced_capacity: {
    when: "What the answer depends on does not answer at the moment.",
    detail: "The limiter does not answer at the moment.",
    extras: { retryAfterMs: RETRY_MS },
    headers: ["Retry-After"],
  },
  not_configured: {
    when: "The deployment has no admin token.",
    detail: "No admin token is configured. Set one: wrangler secret put ADMIN_TOKEN (16 characters or more).",
  },
};

/** Every problem's members, as the gateway and the API write them. */
export const problemSchema = named(
  "Problem",
  "Every error, as RFC 9457 has it. Branch on `status` and `code`; `title` and `detail` are for people.",
  z.strictObject({
    type: about(
      "`about:blank`, or a type of IANA's registry of problem types.",
      z.enum([
        "about:blank",
        "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
      ]),
    ),
    title: z.string(),
    status: about("The response's status.", z.int().check(z.gte(400), z.lte(599))),
    detail: about("A sentence for the client's developer.", z.string()),
    code: about("What went wrong, for programs.", z.string().check(z.regex(/^[a-z_]+$/))),
    requestId: about("The request's id in the logs.", z.uuid()),
    errors: z.optional(
      z.array(
        named(
          "Fault",
          "What is wrong with an input, and where.",
          z.strictObject({
            path: about("JSON Pointer (RFC 6901) to the value at fault; empty: the whole.", z.string()),
            message: z.string(),
          }),
        ),
      ),
    ),
    "violated-policies": z.optional(about("Names of the limits that refused.", z.array(z.string()))),
  }),
);

const ADMINISTRATOR: readonly ApiProblem[] = [
  "invalid_credentials",
  "forbidden",
  "quota_exceeded",
  "overloaded",
  "temporary_reduced_capacity",
  "not_configured",
];

/** What the middleware of each kind of access answers with (access.ts). */
const BY_ACCESS: Record<Access, readonly ApiProblem[]> = {
  none: [],
  caller: ["invalid_credentials", "temporary_reduced_capacity"],
  check: ["invalid_credentials", "forbidden", "blocked", "overloaded", "temporary_reduced_capacity"],
  viewer: ADMINISTRATOR,
  operator: ADMINISTRATOR,
  admin: ADMINISTRATOR,
};

/** The problems of an endpoint: what follows from the contract, and `more`. By status. */
export async function problemsOf(
  endpoint: Endpoint,
  more: readonly ApiProblem[] = [],
): Promise<Map<number, ApiProblem[]>> {
  const kinds = new Set<ApiProblem>([
    ...(endpoint.query ? (["invalid_request"] as const) : []),
    ...(endpoint.body ? (["invalid_request", "too_large", "invalid_content"] as const) : []),
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

/** The problem as the product itself writes it. */
export async function problemExample(kind: ApiProblem): Promise<{ status: number; body: unknown }> {
  const { detail, extras } = PROBLEM_NOTES[kind];
  const response = problem(kind, detail, REQUEST_ID, extras);
  const body: unknown = await response.json();
  return { status: response.status, body };
}
