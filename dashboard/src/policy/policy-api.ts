/** The admin API's paths and answers about the policy and its history. Pure but for the calls; every answer passes a guard. */
import type { PolicyUses, RevisionInfo, RevisionPage } from "../shell/answers.ts";
import { type ApiOutcome, call } from "../shell/api-client.ts";
import {
  type Guards,
  isAnything,
  isFlag,
  isListOf,
  isMapOf,
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

export type PolicyUse = PolicyUses["uses"][number];

export const isUse = isShape<PolicyUse>({
  kind: isOneOf({ tier: true, override: true, grant: true }),
  tier: isText,
  limit: isNullOr(isText),
  accounts: isNumber,
  examples: isListOf(isText),
});
/** What accounts use of the policies, and whether that is all. */
export const parseUses = parseAs(isShape<PolicyUses>({ uses: isListOf(isUse), complete: isFlag }));

/** Who activated a revision, when and why. */
export const INFO: Guards<RevisionInfo> = {
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

export const revisionPath = (revision: number): string => `${REVISIONS}/${revision}`;

/** A page of the history, newest first. */
export const listRevisions = (cursor: string | null): Promise<ApiOutcome<RevisionPage>> =>
  call(
    "GET",
    `${REVISIONS}?limit=20${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
    parseRevisionPage,
  );
