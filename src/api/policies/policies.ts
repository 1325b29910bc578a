/** The policy and its revisions. Changes are compare-and-set by ETag and If-Match (RFC 9110, section 13). */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { parseJson } from "../../json.ts";
import type { Change } from "../../objects/change.ts";
import {
  type PutAnswer,
  registryOf,
  type RegistryStub,
  type Revision,
} from "../../objects/policy-registry.ts";
import { compilePolicy, type Policy } from "../../policy/compile.ts";
import type { Fault, Parsed } from "../../policy/fault.ts";
import { ruleWarnings } from "../../policy/rule-faults.ts";
import { transformWarnings } from "../../policy/transform-faults.ts";
import { invalidContent, readBody } from "../body.ts";
import { ask, changeBy } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { pageQuery, reason } from "../fields.ts";
import { BAD_CURSOR, badQuery, cursorOf, numberOf, pageSize, readQuery } from "../query.ts";
import { spendWork, tokensOf } from "../work-limit.ts";
import { compileNew, upstreamWarnings } from "./new-policy.ts";
import { currencyFaults } from "./issued-currency.ts";
import { impactOf } from "./policy-impact.ts";
import { EMBEDDED, etag, ifMatch, preconditionRequired, revisionResponse, revisionView } from "./revision.ts";

/** A document is checked by the policy's own schema, which gives better faults. */
const document = z.unknown();
/** Applies the policy even if accounts use tiers or limits that it lacks. */
const force = z.optional(z.boolean());
const policyChangeSchema = z.strictObject({ document, reason, force });
const policyCheckSchema = z.strictObject({ document });
const activationSchema = z.strictObject({ reason, force });

/** Attempts to add a revision while others are added at the same time. */
const MAX_ATTEMPTS = 10;

export const POLICIES = {
  getPolicy: { method: "GET", path: `${ADMIN}/policy`, access: "viewer", handler: getPolicy },
  putPolicy: {
    method: "PUT",
    path: `${ADMIN}/policy`,
    access: "admin",
    body: policyChangeSchema,
    ifMatch: "required",
    handler: putPolicy,
  },
  validatePolicy: {
    method: "POST",
    path: `${ADMIN}/policy/validate`,
    access: "viewer",
    body: policyCheckSchema,
    handler: validatePolicy,
  },
  listRevisions: {
    method: "GET",
    path: `${ADMIN}/policy/revisions`,
    access: "viewer",
    query: pageQuery,
    handler: listRevisions,
  },
  getRevision: {
    method: "GET",
    path: `${ADMIN}/policy/revisions/:n`,
    access: "viewer",
    handler: getRevision,
  },
  activateRevision: {
    method: "POST",
    path: `${ADMIN}/policy/revisions/:n/activate`,
    access: "admin",
    body: activationSchema,
    ifMatch: "optional",
    handler: activateRevision,
  },
} as const satisfies Endpoints;

async function getPolicy(c: Context<AppEnv>): Promise<Response> {
  return ask<Revision | null>(c, "policy registry", registry(c).newest(), (newest) =>
    revisionResponse(c, newest ?? EMBEDDED),
  );
}

async function putPolicy(c: Context<AppEnv>): Promise<Response> {
  const expected = ifMatch(c);
  if (expected === "absent" || expected === "bad") return preconditionRequired(c);
  const body = await readBody(c, policyChangeSchema, (characters) =>
    spendWork(c, "change", tokensOf(characters)),
  );
  if (!body.ok) return body.response;
  const { document: wanted, force: isForced = false } = body.value;
  const by = await changeBy(c, body.value);
  const add = (against: number, change: Change): Promise<PutAnswer> =>
    registry(c).put(JSON.stringify(wanted), against, change);
  return putRevision(c, {
    document: wanted,
    checked: compileNew(wanted, c.env),
    isForced,
    expected,
    by,
    add,
  });
}

async function validatePolicy(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, policyCheckSchema, (characters) =>
    spendWork(c, "policy", tokensOf(characters)),
  );
  if (!body.ok) return body.response;
  const compiled = compileNew(body.value.document, c.env);
  const faults = compiled.ok ? await currencyFaults(c, compiled.value) : compiled.faults;
  if (!compiled.ok || faults.length > 0) return c.json({ valid: false, errors: faults, warnings: [] });
  const { orphans, notes } = await impactOf(c, compiled.value);
  const warnings = [
    ...orphans,
    ...notes,
    ...ruleWarnings(compiled.value),
    ...transformWarnings(compiled.value, c.env),
    ...upstreamWarnings(compiled.value, c.req.url),
  ];
  return c.json({ valid: true, errors: [], warnings });
}

async function listRevisions(c: Context<AppEnv>): Promise<Response> {
  const query = readQuery(c, pageQuery);
  if (!query.ok) return query.response;
  const before = query.value.cursor === undefined ? Number.MAX_SAFE_INTEGER : numberOf(query.value.cursor);
  if (before === null) return badQuery(c, BAD_CURSOR).response;
  const count = pageSize(query.value.limit);
  return ask(c, "policy registry", registry(c).revisions(before, count + 1), (found) => {
    const revisions = found.slice(0, count);
    const last = revisions.at(-1);
    const cursor = last && found.length > count ? cursorOf(last.revision) : null;
    return c.json({ revisions: revisions.map(revisionView), cursor });
  });
}

async function getRevision(c: Context<AppEnv>): Promise<Response> {
  const revision = revisionParam(c);
  if (revision === null) return noRevision(c);
  if (revision === 0) return revisionResponse(c, EMBEDDED);
  return ask<Revision | null>(c, "policy registry", registry(c).revision(revision), (found) =>
    found ? revisionResponse(c, found) : noRevision(c),
  );
}

async function activateRevision(c: Context<AppEnv>): Promise<Response> {
  const revision = revisionParam(c);
  const expected = ifMatch(c);
  if (expected === "bad") return preconditionRequired(c);
  if (revision === null) return noRevision(c);
  const body = await readBody(c, activationSchema);
  if (!body.ok) return body.response;
  const by = await changeBy(c, body.value);
  const find = async (): Promise<Revision | null> =>
    revision === 0 ? EMBEDDED : registry(c).revision(revision);
  return ask<Revision | null>(c, "policy registry", find(), async (found) => {
    if (!found) return noRevision(c);
    const rejection = await spendWork(c, "change", tokensOf(found.document.length));
    if (rejection) return rejection;
    const wanted = parseJson(found.document);
    const add = (against: number, change: Change): Promise<PutAnswer> =>
      revision === 0
        ? registry(c).put(found.document, against, change, 0)
        : registry(c).activate(revision, against, change);
    return putRevision(c, {
      document: wanted,
      checked: compilePolicy(wanted, 0),
      isForced: body.value.force ?? false,
      expected: expected === "absent" ? "any" : expected,
      by,
      add,
    });
  });
}

/** A revision to be put into force. */
interface Candidate {
  readonly document: unknown;
  readonly checked: Parsed<Policy>;
  /** Whether to accept that accounts use what it lacks. */
  readonly isForced: boolean;
  /** The revisions one of which must be in force. */
  readonly expected: readonly number[] | "any";
  readonly by: Change;
  /** Adds it to the registry, if the expected revision is in force. */
  readonly add: (expected: number, by: Change) => Promise<PutAnswer>;
}

/** Rejects a policy that orphans accounts, unless forced. The registry numbers the document, and this isolate applies it at once. */
async function putRevision(
  c: Context<AppEnv>,
  { document: wanted, checked, isForced, expected, by, add }: Candidate,
): Promise<Response> {
  const faults = checked.ok ? await currencyFaults(c, checked.value) : checked.faults;
  if (!checked.ok || faults.length > 0) {
    return invalidContent(c.var.requestId, inDocument(faults)).response;
  }
  const { orphans, notes } = await impactOf(c, checked.value);
  if (orphans.length > 0 && !isForced) {
    const detail =
      'Accounts use tiers or limits that this policy lacks; see errors. Change the policy or those accounts, or send "force": true.';
    return problem("conflict", detail, c.var.requestId, { errors: inDocument(orphans) });
  }
  const warnings = [
    ...orphans,
    ...notes,
    ...ruleWarnings(checked.value),
    ...transformWarnings(checked.value, c.env),
    ...upstreamWarnings(checked.value, c.req.url),
  ];
  return ask(
    c,
    "policy registry",
    addTo(registry(c), expected, (against) => add(against, by)),
    (answer) => {
      switch (answer.kind) {
        case "absent":
          return noRevision(c);
        case "mismatch":
          return problem(
            "revision_mismatch",
            `The policy has changed: it is at revision ${answer.newest} now. Read it again and repeat your change.`,
            c.var.requestId,
            { headers: { ETag: etag(answer.newest) } },
          );
        case "revision": {
          const { revision, published } = answer;
          const compiled: Parsed<Policy> = compilePolicy(wanted, revision.revision);
          if (compiled.ok) c.var.services.policies.adopt(compiled.value);
          return c.json({ ...revisionView(revision), published, warnings }, 200, {
            ETag: etag(revision.revision),
          });
        }
      }
    },
  );
}

/** Adds a revision to whichever of the expected ones is in force. A change at the same time never fails one that expects any. */
async function addTo(
  stub: RegistryStub,
  expected: readonly number[] | "any",
  add: (expected: number) => Promise<PutAnswer>,
): Promise<PutAnswer> {
  const [only = 0, ...others] = expected === "any" ? [] : expected;
  let against = expected === "any" || others.length > 0 ? ((await stub.newest())?.revision ?? 0) : only;
  for (let attempts = 1; ; attempts++) {
    if (expected !== "any" && !expected.includes(against)) return { kind: "mismatch", newest: against };
    const answer = await add(against);
    if (answer.kind !== "mismatch" || attempts === MAX_ATTEMPTS) return answer;
    if (expected !== "any" && !expected.includes(answer.newest)) return answer;
    against = answer.newest;
  }
}

function inDocument(faults: readonly Fault[]): Fault[] {
  return faults.map(({ path, message }) => ({ path: `/document${path}`, message }));
}

function registry(c: Context<AppEnv>): RegistryStub {
  return registryOf(c.env.POLICY_REGISTRY);
}

function revisionParam(c: Context<AppEnv>): number | null {
  const text = c.req.param("n") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function noRevision(c: Context<AppEnv>): Response {
  return problem("not_found", "There is no such revision.", c.var.requestId);
}
