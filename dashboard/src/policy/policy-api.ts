/** The admin API's paths and answers about the policy and its history. Pure; every answer passes a guard. */
import type { RevisionInfo, RevisionPage } from "../shell/answers.ts";
import {
  type Guards,
  isAnything,
  isListOf,
  isMapOf,
  isNullOr,
  isNumber,
  isShape,
  isText,
  parseAs,
} from "../shell/guards.ts";

export const POLICY = "/api/v1/admin/policy";
export const REVISIONS = `${POLICY}/revisions`;

/** A revision with its document, which these screens edit and compare as JSON of any shape. */
export interface Revision extends RevisionInfo {
  readonly document: Readonly<Record<string, unknown>>;
}

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
