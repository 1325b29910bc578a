/** What only the policy's editor and the dialogs of activation call and parse: validation, activation and rollback. Pure but for the calls. */
import type { NewRevision, PolicyUses, PolicyVerdict } from "../shell/answers.ts";
import { type ApiOutcome, call } from "../shell/api-client.ts";
import { isFlag, isListOf, isMissingOr, isShape, isText, parseAs } from "../shell/guards.ts";
import { INFO, POLICY, revisionPath } from "./policy-api.ts";
import { isUse } from "./uses-api.ts";

/** `path` is a JSON Pointer into the document. */
export type PolicyFault = PolicyVerdict["errors"][number];
/** A warning about a valid policy. With `inUse`: accounts use what it lacks. */
export type PolicyWarning = PolicyVerdict["warnings"][number];

const isFault = isShape<PolicyFault>({ path: isText, message: isText });
const isWarning = isShape<PolicyWarning>({ path: isText, message: isText, inUse: isMissingOr(isUse) });

/** How many accounts have a tier; null if that is not known. */
export function accountsOf(uses: PolicyUses | null, tier: string): number | null {
  if (uses === null) return null;
  const found = uses.uses.find((use) => use.kind === "tier" && use.tier === tier);
  return found?.accounts ?? (uses.complete ? 0 : null);
}

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
