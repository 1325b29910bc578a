/** The admin API's paths, calls and answers about the policy. Pure but for the calls; every answer passes a guard. */
import type { NewRevision, PolicyUses, PolicyVerdict, RevisionInfo, RevisionPage } from "../shell/answers.ts";
import { type ApiOutcome, call } from "../shell/api-client.ts";
import {
  type Guards,
  isAnything,
  isFlag,
  isListOf,
  isMapOf,
  isMissingOr,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
  parseAs,
} from "../shell/guards.ts";

export const POLICY = "/api/v1/admin/policy";
export const USES = `${POLICY}/uses`;
export const REVISIONS = `${POLICY}/revisions`;

/** A revision with its document, which these screens edit and compare as JSON of any shape. */
export interface Revision extends RevisionInfo {
  readonly document: Readonly<Record<string, unknown>>;
}

/** `path` is a JSON Pointer into the document. */
export type PolicyFault = PolicyVerdict["errors"][number];
/** A warning about a valid policy. With `inUse`: accounts use what it lacks. */
export type PolicyWarning = PolicyVerdict["warnings"][number];
export type PolicyUse = PolicyUses["uses"][number];

const isFault = isShape<PolicyFault>({ path: isText, message: isText });
const isUse = isShape<PolicyUse>({
  kind: isOneOf({ tier: true, override: true, grant: true }),
  tier: isText,
  limit: isNullOr(isText),
  accounts: isNumber,
  examples: isListOf(isText),
});
const isWarning = isShape<PolicyWarning>({ path: isText, message: isText, inUse: isMissingOr(isUse) });

/** What accounts use of the policies, and whether that is all. */
export const parseUses = parseAs(isShape<PolicyUses>({ uses: isListOf(isUse), complete: isFlag }));

/** How many accounts have a tier; null if that is not known. */
export function accountsOf(uses: PolicyUses | null, tier: string): number | null {
  if (uses === null) return null;
  const found = uses.uses.find((use) => use.kind === "tier" && use.tier === tier);
  return found?.accounts ?? (uses.complete ? 0 : null);
}
const INFO: Guards<RevisionInfo> = {
  revision: isNumber,
  createdAt: isText,
  actor: isText,
  reason: isText,
  restores: isNullOr(isNumber),
};

export const parseRevision = parseAs(isShape<Revision>({ ...INFO, document: isMapOf(isAnything) }));

export const parseRevisionPage = parseAs(
  isShape<RevisionPage>({ revisions: isListOf(isShape(INFO)), cursor: isNullOr(isText) }),
);

export const parseNewRevision = parseAs(
  isShape<NewRevision>({ ...INFO, published: isFlag, warnings: isListOf(isWarning) }),
);

const isVerdict = isShape<PolicyVerdict>({
  valid: isFlag,
  errors: isListOf(isFault),
  warnings: isListOf(isWarning),
});

/** Also null for a contradiction: an invalid document without faults is never taken for a valid one. */
export function parseVerdict(body: unknown): PolicyVerdict | null {
  return isVerdict(body) && body.valid === (body.errors.length === 0) ? body : null;
}

const isRejection = isShape<Pick<PolicyVerdict, "errors">>({ errors: isListOf(isFault) });

/** The faults in a problem (RFC 9457) that rejects a document; none if it has no list of them. */
export function faultsOf(body: unknown): readonly PolicyFault[] {
  return isRejection(body) ? body.errors : [];
}

export const revisionPath = (revision: number): string => `${REVISIONS}/${revision}`;

/** Finds the faults of a document, and warns of its effects on accounts. */
export const validate = (document: unknown, signal: AbortSignal): Promise<ApiOutcome<PolicyVerdict>> =>
  call("POST", `${POLICY}/validate`, parseVerdict, { body: { document }, signal });

/** What an administrator confirms with an activation. */
export interface Confirmation {
  readonly reason: string;
  /** Activate although accounts use tiers or limits that the policy lacks. */
  readonly force: boolean;
}

/** Activates a document if revision `base` is still in force. 412: it is not. 409: accounts use what the document lacks. */
export const activate = (
  document: unknown,
  base: number,
  confirmation: Confirmation,
): Promise<ApiOutcome<NewRevision>> =>
  call("PUT", POLICY, parseNewRevision, {
    body: { document, ...confirmation },
    headers: { "If-Match": `"${base}"` },
  });

/** Activates the document of an earlier revision as a new revision. Fails as {@link activate} does. */
export const rollBack = (
  revision: number,
  base: number,
  confirmation: Confirmation,
): Promise<ApiOutcome<NewRevision>> =>
  call("POST", `${revisionPath(revision)}/activate`, parseNewRevision, {
    body: confirmation,
    headers: { "If-Match": `"${base}"` },
  });

/** A page of the history, newest first. */
export const listRevisions = (cursor: string | null): Promise<ApiOutcome<RevisionPage>> =>
  call(
    "GET",
    `${REVISIONS}?limit=20${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
    parseRevisionPage,
  );
