/** A revision of the policy as the API shows it, and its precondition: its ETag, and If-Match on changes (RFC 9110, section 13). */
import type { Context } from "hono";
import embedded from "../../../policy/default.json";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { parseJson } from "../../json.ts";
import type { Revision, RevisionInfo } from "../../objects/policy-registry.ts";
import { iso } from "../rfc3339.ts";

/** Revision 0: the policy that ships with the Worker. */
export const EMBEDDED: Revision = {
  revision: 0,
  createdMs: 0,
  actor: "",
  reason: "The policy that ships with the Worker",
  restores: null,
  document: JSON.stringify(embedded),
};

/** A revision with its document and its ETag. */
export function revisionResponse(c: Context<AppEnv>, { document, ...info }: Revision): Response {
  const body = { ...revisionView(info), document: parseJson(document) };
  return c.json(body, 200, { ETag: etag(info.revision) });
}

/** A revision without its document. */
export function revisionView({ revision, createdMs, actor, reason, restores }: RevisionInfo) {
  return { revision, createdAt: iso(createdMs), actor, reason, restores };
}

export function etag(revision: number): string {
  return `"${revision}"`;
}

/** Revisions that one If-Match may list. */
const MAX_TAGS = 20;
const TAG = /^(?:W\/)?"(\d{1,15})"$/;

/**
 * The revisions one of which a change expects to be in force; "any" for `*`. Weak tags count as strong ones, against RFC 9110: proxies,
 * Cloudflare among them, weaken tags when they encode a response, and a revision's number still identifies its document.
 */
export function ifMatch(c: Context<AppEnv>): readonly number[] | "any" | "absent" | "bad" {
  const header = c.req.header("If-Match");
  if (header === undefined) return "absent";
  if (header.trim() === "*") return "any";
  // A list may have empty elements (RFC 9110, section 5.6.1).
  const listed = header
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);
  const tags = listed.map((tag) => TAG.exec(tag)?.[1]);
  if (tags.length === 0 || tags.length > MAX_TAGS || tags.includes(undefined)) return "bad";
  return tags.map(Number);
}

/** 428: If-Match is missing or invalid. */
export function preconditionRequired(c: Context<AppEnv>): Response {
  const detail =
    'Send If-Match with the ETag that GET /api/v1/admin/policy returned for the revision you changed, for example If-Match: "7".';
  const errors = [{ path: "/If-Match", message: "is missing, or is not an ETag of the policy" }];
  return problem("precondition_required", detail, c.var.requestId, { errors });
}
