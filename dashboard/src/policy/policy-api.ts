/** The policy's part of the admin API as the page reads it. Pure but for the calls; never trusts a shape. */
import { call, isRecord, type Outcome } from "../shell/api-client.ts";
import { isFlag, isListOf, isShape, isText, type Shape } from "../shell/shape.ts";

export const POLICY = "/api/v1/admin/policy";
export const REVISIONS = `${POLICY}/revisions`;

export interface RevisionInfo {
  readonly revision: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly actor: string;
  readonly reason: string;
  /** The revision that it brought back; null for a new document. */
  readonly restores: number | null;
}

export interface Revision extends RevisionInfo {
  readonly document: unknown;
}

export interface Activation extends RevisionInfo {
  /** Whether KV knows it already; if not, the Worker goes on trying. */
  readonly published: boolean;
}

export interface Verdict {
  /** None: the document is valid. */
  readonly faults: readonly PolicyFault[];
  readonly warnings: readonly PolicyFault[];
}

export interface RevisionPage {
  readonly revisions: readonly RevisionInfo[];
  /** Null where there are no earlier ones. */
  readonly cursor: string | null;
}

/** `path` is a JSON Pointer. */
const isFault = isShape({ path: isText, message: isText });
const isAnswer = isShape({ valid: isFlag, errors: isListOf(isFault) });
const isWarned = isShape({ warnings: isListOf(isFault) });
export type PolicyFault = Shape<typeof isFault>;

export const revisionPath = (revision: number): string => `${REVISIONS}/${revision}`;

/** What is wrong with a document, and what it would do to accounts. */
export const validate = (document: unknown, signal: AbortSignal): Promise<Outcome<Verdict>> =>
  call("POST", `${POLICY}/validate`, parseVerdict, { body: { document }, signal });

/** Why a change is made, and whether it is forced although accounts use what the policy lacks. */
export interface Confirmation {
  readonly reason: string;
  readonly force: boolean;
}

/** Puts a document into force if `base` still is. 412: another change came first. 409: accounts use what it lacks. */
export const activate = (document: unknown, base: number, by: Confirmation): Promise<Outcome<Activation>> =>
  call("PUT", POLICY, parseActivation, {
    body: { document, ...by },
    headers: { "If-Match": `"${base}"` },
  });

/** Brings a revision back, as a new one, if `base` still is in force. Otherwise as {@link activate}. */
export const rollBack = (revision: number, base: number, by: Confirmation): Promise<Outcome<Activation>> =>
  call("POST", `${revisionPath(revision)}/activate`, parseActivation, {
    body: by,
    headers: { "If-Match": `"${base}"` },
  });

/** A page of the history, newest first. */
export const listRevisions = (cursor: string | null): Promise<Outcome<RevisionPage>> =>
  call(
    "GET",
    `${REVISIONS}?limit=20${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
    parseRevisionPage,
  );

export function parseRevisionInfo(body: unknown): RevisionInfo | null {
  if (!isRecord(body)) return null;
  const { revision, createdAt, actor, reason, restores } = body;
  if (typeof revision !== "number" || typeof createdAt !== "string") return null;
  return {
    revision,
    createdAt,
    actor: typeof actor === "string" ? actor : "",
    reason: typeof reason === "string" ? reason : "",
    restores: typeof restores === "number" ? restores : null,
  };
}

export function parseActivation(body: unknown): Activation | null {
  const info = parseRevisionInfo(body);
  return info && { ...info, published: isRecord(body) && body["published"] === true };
}

export function parseRevision(body: unknown): Revision | null {
  const info = parseRevisionInfo(body);
  return info && isRecord(body) && isRecord(body["document"])
    ? { ...info, document: body["document"] }
    : null;
}

export function parseRevisionPage(body: unknown): RevisionPage | null {
  if (!isRecord(body) || !Array.isArray(body["revisions"])) return null;
  const revisions = body["revisions"].map(parseRevisionInfo);
  const known = revisions.filter((info) => info !== null);
  const { cursor } = body;
  return known.length === revisions.length
    ? { revisions: known, cursor: typeof cursor === "string" ? cursor : null }
    : null;
}

/** Null also where it says that there are faults but none that can be shown: not valid is never taken for valid. */
export function parseFaults(body: unknown): readonly PolicyFault[] | null {
  if (!isAnswer(body) || body.valid !== (body.errors.length === 0)) return null;
  return body.errors;
}

export function parseVerdict(body: unknown): Verdict | null {
  const faults = parseFaults(body);
  return faults && isWarned(body) ? { faults, warnings: body.warnings } : null;
}
